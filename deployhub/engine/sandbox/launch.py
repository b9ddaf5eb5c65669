"""The parent's half: start an engine server inside its outer wall, and hand it jobs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployhub.engine.sandbox import surroundings
from deployhub.engine.sandbox.bubblewrap import bubblewrap_command, bubblewrap_find
from deployhub.engine.sandbox.confine import Confinement
from deployhub.engine.spec import Limits
from deployhub.engine.warm import server_environment

READY_TIMEOUT_S = 120.0
_STOP_PATIENCE_S = 3.0
_HOME_PREFIX = "deployhub-engine-"
_HOME_SETTLED_S = 5.0  # a younger home may not be locked yet


class ServerUnavailable(Exception):
    """The engine server did not start, or is gone."""


@dataclass(slots=True)
class JobPipes:
    """The worker's ends of one running job."""

    events: int
    output: int
    leash: socket.socket

    def close(self) -> None:
        """Close all ends; a job still running is ended by that."""
        self.leash.close()
        for descriptor in (self.events, self.output):
            with contextlib.suppress(OSError):
                os.close(descriptor)


class EngineServer:
    """One server process, warm (`preload`) or cold, in tier "A" or "B", for jobs below `work_root`.

    python: our own interpreter, or that of a toolchain, which is read and never written. environment: the
    toolchain's variables for its jobs.
    """

    def __init__(
        self,
        *,
        tier: str,
        python: Path,
        preload: bool,
        work_root: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.tier = tier
        self.python = python
        self.preload = preload
        self.environment = dict(environment or {})
        self.work_root = work_root.resolve()
        homes_sweep()
        self._home = Path(tempfile.mkdtemp(prefix=_HOME_PREFIX))
        self._home.chmod(0o755)
        # Held as long as this process lives, however it ends: who can take it finds an abandoned home.
        self._home_lock = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._home_lock, fcntl.LOCK_EX)
        self._lock = threading.Lock()
        self._read_paths = [*surroundings.interpreter_paths(python), *surroundings.source_paths()]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        try:
            with theirs, (self._home / "server.log").open("wb") as log:
                self._process = subprocess.Popen(
                    self._command(control=theirs.fileno()),
                    env=server_environment(
                        home=self._home, source_root=self._source_root(), inherited=dict(os.environ)
                    ),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError as failure:
            self._control.close()
            self._home_remove()
            raise ServerUnavailable(f"The engine server could not be started: {failure}") from failure
        self._await_ready()

    def _source_root(self) -> Path:
        """Where the interpreter finds our package: for a toolchain a folder that holds nothing else.

        An installed DeployHub lies among the packages of its own environment, which must not mix with a toolchain's.
        """
        if self.python == Path(sys.executable):
            return surroundings.source_root()
        alone = self._home / "path"
        alone.mkdir(mode=0o755)
        (alone / "deployhub").symlink_to(surroundings.source_root() / "deployhub")
        return alone

    def _command(self, *, control: int) -> list[str]:
        command = [str(self.python), "-P", "-s", "-B", "-m", "deployhub.engine.warm", str(control)]
        if self.preload:
            command.append("--preload")
        if self.tier != "A":
            return command
        program = bubblewrap_find()
        if program is None:
            raise FileNotFoundError("bubblewrap (bwrap) is not installed")
        wall = bubblewrap_command(
            program=program, read_paths=self._read_paths, work_root=self.work_root, server_home=self._home
        )
        return [*wall, "--", *command]

    def _await_ready(self) -> None:
        readable, _, _ = select.select([self._control], [], [], READY_TIMEOUT_S)
        message = b""
        if readable:
            with contextlib.suppress(OSError):
                message = self._control.recv(4096)
        if not message:
            said = self.log_tail()
            self.close()
            raise ServerUnavailable(f"The engine server did not start. {said}".strip())

    def log_tail(self) -> str:
        """The last words of the server's own output."""
        try:
            return (self._home / "server.log").read_text(errors="replace")[-1000:].strip()
        except OSError:
            return ""

    @property
    def pid(self) -> int:
        """Process id of the server, or of bubblewrap around it."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the server still runs."""
        return self._process.poll() is None

    def serves(self, workdir: Path) -> bool:
        """Whether this server can reach the work folder (in tier A only what was mounted at its start)."""
        return self.tier != "A" or workdir.resolve().is_relative_to(self.work_root)

    def submit(self, *, task: str, workdir: Path, limits: Limits) -> JobPipes:
        """Start one confined job. Raises ServerUnavailable when the server is gone."""
        confinement = self._confinement(workdir=workdir.resolve(), limits=limits)
        request = json.dumps({"task": task, "confinement": confinement.to_wire()}).encode()
        events, events_theirs = os.pipe()
        output, output_theirs = os.pipe()
        leash, leash_theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pipes = JobPipes(events=events, output=output, leash=leash)
        try:
            with self._lock:
                socket.send_fds(
                    self._control, [request], [events_theirs, output_theirs, leash_theirs.fileno()]
                )
        except OSError as failure:
            pipes.close()
            raise ServerUnavailable("The engine server is gone.") from failure
        finally:
            os.close(events_theirs)
            os.close(output_theirs)
            leash_theirs.close()
        return pipes

    def _confinement(self, *, workdir: Path, limits: Limits) -> Confinement:
        uid = surroundings.sandbox_uid() if os.geteuid() == 0 else None
        read_paths = [*self._read_paths, self._home]
        keep = False
        if uid is not None:
            for writable in (workdir / "out", workdir / "tmp"):
                os.chown(writable, uid, uid)
            # In tier A mounts open the way to each path; in tier B every folder above must let others pass.
            needed = [(path, path if self.tier == "A" else None) for path in read_paths]
            inputs = [workdir / "spec.json", *(workdir / "in").rglob("*")]
            needed += [(path, self.work_root if self.tier == "A" else None) for path in inputs]
            keep = not all(surroundings.readable_by(uid, path, stop_at=stop) for path, stop in needed)
        return Confinement(
            workdir=str(workdir),
            read_paths=tuple(str(path) for path in read_paths),
            uid=uid,
            keep_read_capability=keep,
            threads_of_user=surroundings.threads_of_user(os.getuid() if uid is None else uid),
            preloaded=self.preload,
            limits=limits,
            environment=self.environment,
        )

    def close(self) -> None:
        """End the server and every job it still has."""
        self._control.close()
        deadline = time.monotonic() + _STOP_PATIENCE_S
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.0, deadline - time.monotonic()))
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._home_remove()

    def _home_remove(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        with self._lock:
            if self._home_lock >= 0:
                os.close(self._home_lock)
                self._home_lock = -1


def homes_sweep() -> None:
    """Remove the homes of servers whose worker was killed: nobody holds their locks any more."""
    for home in Path(tempfile.gettempdir()).glob(f"{_HOME_PREFIX}*"):
        with contextlib.suppress(OSError):  # gone meanwhile, another user's, or held
            if home.stat().st_uid != os.geteuid() or time.time() - home.stat().st_mtime < _HOME_SETTLED_S:
                continue
            handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(home, ignore_errors=True)
            finally:
                os.close(handle)

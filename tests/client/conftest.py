"""The `deployhub` command against the real application on a real port."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conversion.conftest import catalogue, catalogue_content, make_version, version  # noqa: F401
from tests.registry.conftest import accepted, uploaded, version_of  # noqa: F401


@pytest.fixture(autouse=True)
def _no_worker_to_wake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker takes every wake-up; the tests say themselves when work is done."""
    from deployhub.jobs import services

    monkeypatch.setattr(services.current_app, "send_task", lambda *args, **kwargs: None, raising=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder of the test's own, and no account from the surroundings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("DEPLOYHUB_URL", "DEPLOYHUB_TOKEN", "DEPLOYHUB_CA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config" / "deployhub"


@pytest.fixture
def run(
    config_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Run one command in this process: `run("jobs", "--json")`, with `stdin` when it asks for something."""
    from deployhub.client import connection
    from deployhub.client.main import main

    monkeypatch.setattr(connection, "BACKOFF_FIRST_S", 0.01)

    def command(*words: str, stdin: str | None = None) -> Outcome:
        capsys.readouterr()
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(list(words))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Outcome(code, said.out, said.err)

    return command


@pytest.fixture
def as_user(live_server: Any, token_of: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command with a person's token in the environment, as a pipeline has it: `as_user(engineer)("jobs")`."""

    def become(user: Any, *, scopes: list[str] | None = None, url: str = "") -> Any:
        monkeypatch.setenv("DEPLOYHUB_URL", url or live_server.url)
        monkeypatch.setenv("DEPLOYHUB_TOKEN", token_of(user, scopes=scopes))
        return run

    return become


@pytest.fixture
def work_while_waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Whenever the command pauses between two looks at a job, `engine` does what is queued."""

    def use(engine: Any) -> None:
        from deployhub.client import following
        from deployhub.jobs import runner
        from deployhub.jobs.models import Job

        monkeypatch.setattr(runner, "engine", lambda: engine)

        def work(seconds: float) -> None:
            for job_id in list(Job.objects.filter(state="queued").values_list("pk", flat=True)):
                runner.job_run(job_id=job_id, worker_name="test")

        monkeypatch.setattr(following.time, "sleep", work)

    return use


class FlakyLink:
    """A TCP link to the server which breaks after so many bytes, as a bad network does."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.break_up_after: list[int] = []
        """For each next connection: break it after so many bytes towards the server; whole when empty."""
        self.break_down_after: list[int] = []
        """Likewise for bytes from the server."""
        self.broken = 0
        self.up_bytes = 0
        self.down_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            up = self.break_up_after.pop(0) if self.break_up_after else None
            down = self.break_down_after.pop(0) if self.break_down_after else None
            threading.Thread(target=self._carry, args=(near, far, up, down), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket, up: int | None, down: int | None) -> None:
        with near, far:
            back = threading.Thread(target=self._pump, args=(far, near, down, "down_bytes"), daemon=True)
            back.start()
            self._pump(near, far, up, "up_bytes")
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, limit: int | None, name: str) -> None:
        sent = 0
        try:
            while piece := source.recv(65_536):
                if limit is not None and sent + len(piece) > limit:
                    sink.sendall(piece[: limit - sent])
                    self.broken += 1
                    break
                sink.sendall(piece)
                sent += len(piece)
                setattr(self, name, getattr(self, name) + len(piece))
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def flaky_link(live_server: Any) -> Iterator[FlakyLink]:
    link = FlakyLink((live_server.thread.host, live_server.thread.port))
    yield link
    link.close()

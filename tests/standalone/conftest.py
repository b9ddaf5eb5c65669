"""A whole DeployHub of its own for a test: own folder, own port, and proof that nothing of it is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import port_free

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 120


class Installation:
    """`python -m deployhub.standalone` on a folder of its own, and what it printed."""

    def __init__(self, home: Path, port: int, *, host: str = "127.0.0.1", **environment: str) -> None:
        self.home, self.port = home, port
        self.address = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        given = {
            name: value for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "DEPLOYHUB_ORIGIN", "PYTEST_XDIST_WORKER")
        }  # fmt: skip
        self.began_at = time.monotonic()
        self.supervisor = subprocess.Popen(
            [sys.executable, "-m", "deployhub.standalone", "--host", host, "--port", str(port)],
            cwd=ROOT,
            env=given | {"DEPLOYHUB_HOME": str(home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.supervisor.stdout is not None
        for line in self.supervisor.stdout:
            self.lines.append(line.rstrip())

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def wait_until(self, holds: Callable[[], Any], what: str, *, within_s: float = READY_WITHIN_S) -> Any:
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            if found := holds():
                return found
            time.sleep(0.1)
        raise AssertionError(f"not within {within_s} s: {what}\n{self.said}")

    def wait_ready(self) -> float:
        """Seconds until the address was printed."""
        self.wait_until(
            lambda: "DeployHub is ready at" in self.said or self.supervisor.poll() is not None,
            "the address is printed",
        )
        assert self.supervisor.poll() is None, self.said
        return time.monotonic() - self.began_at

    def child(self, pattern: str) -> psutil.Process | None:
        """The supervisor's living child whose command line matches."""
        try:
            for child in psutil.Process(self.supervisor.pid).children():
                if child.status() != psutil.STATUS_ZOMBIE and re.search(pattern, " ".join(child.cmdline())):
                    return child
        except psutil.NoSuchProcess:
            return None
        return None

    def tree(self) -> list[psutil.Process]:
        top = psutil.Process(self.supervisor.pid)
        return [top, *top.children(recursive=True)]

    def page(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def end(self) -> None:
        if self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGTERM)
            try:
                self.supervisor.wait(timeout=12)
            except subprocess.TimeoutExpired:
                self.supervisor.kill()
                self.supervisor.wait()
                time.sleep(6)  # the watcher ends the rest
        self._reader.join(timeout=10)
        if self.supervisor.stdout is not None:
            self.supervisor.stdout.close()


@pytest.fixture
def installation() -> Iterator[Callable[..., Installation]]:
    """Start one: `installation()`; further ones with `home=` and `port=`."""
    started: list[Installation] = []
    with tempfile.TemporaryDirectory(prefix="dh-") as folder:

        def start(
            *, home: Path | None = None, port: int | None = None, host: str = "127.0.0.1", **environment: str
        ) -> Installation:
            made = Installation(home or Path(folder) / "home", port or port_free(), host=host, **environment)
            started.append(made)
            return made

        yield start
        for one in started:
            one.end()


def living(members: list[psutil.Process]) -> list[str]:
    found = []
    for member in members:
        try:
            if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(member.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found

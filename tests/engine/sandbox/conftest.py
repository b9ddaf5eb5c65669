"""A laboratory: the real sandbox around a runner that does, on purpose, whatever a test says.

The production runner never unpickles unsafely and never runs code from a spec, so a copy of the
engine's source gets a runner of the test's own; every line of the sandbox is the real one.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.client import EngineClient
from deployhub.engine.sandbox import surroundings
from deployhub.engine.spec import MIB, Limits

RUNNER = """
import json, pickle
def run_spec(*, workdir, emit):
    spec = json.loads((workdir / "spec.json").read_text())
    if spec["kind"] == "unpickle":
        try:
            pickle.loads((workdir / spec["source"]).read_bytes())
        except BaseException as refused:
            return {"outcome": type(refused).__name__ + ": " + str(refused)}
        return {"outcome": "loaded"}
    scope = {"workdir": workdir, "emit": emit, "result": {}}
    exec(spec["code"], scope)
    return scope["result"]
"""
SMALL = Limits(
    memory_bytes=512 * MIB,
    cpu_seconds=60,
    wall_seconds=30,
    output_bytes=64 * MIB,
    file_bytes=32 * MIB,
    processes=48,
)


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the engine's source with the test's runner; the sandbox starts from it."""
    real = surroundings.source_root() / "deployhub"
    root = tmp_path / "source"
    package = root / "deployhub"
    package.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", "demo", "formats")
    shutil.copytree(real / "engine", package / "engine", ignore=ignored)
    shutil.copytree(real / "kernel", package / "kernel", ignore=ignored)
    (package / "__init__.py").write_text("")
    (package / "engine" / "__init__.py").write_text("")
    (package / "engine" / "run.py").write_text(RUNNER)
    # The heavy libraries have tests of their own; here the warm server is quick to start.
    warm = package / "engine" / "warm.py"
    text = warm.read_text()
    start = text.index("_PRELOADED_MODULES = (")
    end = text.index(")", start) + 1
    warm.write_text(text[:start] + '_PRELOADED_MODULES = ("deployhub.engine.run",)' + text[end:])
    monkeypatch.setattr(surroundings, "source_root", lambda: root)
    return root


class Bench:
    """One client and the folders of its jobs."""

    def __init__(self, client: EngineClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.events: list[dict[str, Any]] = []
        self.workdir = root
        self._count = 0

    def run(
        self,
        code: str = "",
        *,
        limits: Limits = SMALL,
        should_stop: Callable[[], bool] = lambda: False,
        files: dict[str, bytes] | None = None,
        **spec: Any,
    ) -> dict[str, Any]:
        self._count += 1
        self.workdir = self.root / f"job{self._count}"
        (self.workdir / "in").mkdir(parents=True)
        for name, content in (files or {}).items():
            (self.workdir / "in" / name).write_bytes(content)
        return self.client.run(
            workdir=self.workdir,
            spec={"kind": "code", "code": code, **spec},
            limits=limits,
            on_event=self.events.append,
            should_stop=should_stop,
        )

    @property
    def log(self) -> str:
        return "\n".join(event["text"] for event in self.events if event["type"] == "log")


@pytest.fixture(params=["A", "B"])
def bench(request: pytest.FixtureRequest, laboratory: Path, tmp_path: Path) -> Iterator[Bench]:
    """A warm client of each tier that this machine has."""
    from deployhub.engine.sandbox.launch import ServerUnavailable
    from deployhub.engine.sandbox.report import probes_take

    if request.param == "A":
        import sys

        try:
            probes_take(tier="A", python=Path(sys.executable))
        except ServerUnavailable as missing:
            pytest.skip(f"no tier A here: {missing}")
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    client = EngineClient(tier=request.param, work_root=jobs)
    yield Bench(client, jobs)
    client.close()


def eventually(condition: Callable[[], bool], *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()

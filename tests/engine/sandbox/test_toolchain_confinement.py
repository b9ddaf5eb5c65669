"""A job that runs in a toolchain's interpreter reads it, writes nothing of it, and sees our engine and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.client import EngineClient
from deployhub.engine.toolchains.making import uv_find
from tests.engine.sandbox.conftest import SMALL

CODE = """
import os, sys, importlib.util
env = sys.prefix
def attempt(act):
    try:
        act()
    except OSError as refused:
        return type(refused).__name__
    return "done"
inside = os.path.join(env, "lib", "planted.py")
result.update(
    prefix=env,
    wrote=attempt(lambda: open(inside, "w").close()),
    replaced=attempt(lambda: os.remove(os.path.join(env, "pyvenv.cfg"))),
    reads=attempt(lambda: open(os.path.join(env, "pyvenv.cfg")).close()),
    mode=os.environ.get("TOOL_MODE"),
    secret=os.environ.get("DEPLOYHUB_SECRET_KEY"),
    torch=importlib.util.find_spec("torch") is not None,
    django=importlib.util.find_spec("django") is not None,
    ours=importlib.util.find_spec("deployhub.engine") is not None,
    settings=attempt(lambda: open(importlib.util.find_spec("deployhub").submodule_search_locations[0] + "/config/settings.py")),
)
"""


@pytest.mark.parametrize("tier", ["A", "B"])
def test_a_job_reads_its_toolchain_and_changes_nothing_of_it(
    tier: str, laboratory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployhub.engine.sandbox.launch import ServerUnavailable

    uv = uv_find()
    assert uv is not None
    home = tmp_path / "toolchains"
    subprocess.run(
        [uv, "venv", "-q", "--relocatable", "--python", sys.executable, str(home / "env")], check=True
    )
    monkeypatch.setenv("DEPLOYHUB_SECRET_KEY", "open-sesame")
    work = tmp_path / "work"
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    client = EngineClient(tier=tier, warm=False)
    try:
        told: dict[str, Any] = client.run(
            workdir=work, spec={"kind": "code", "code": CODE}, limits=SMALL, on_event=lambda event: None,
            should_stop=lambda: False, python=home / "env" / "bin" / "python", environment={"TOOL_MODE": "quiet"},
        )  # fmt: skip
    except ServerUnavailable as missing:
        pytest.skip(f"tier {tier} does not start here: {missing}")
    assert told["prefix"] == str(home / "env")
    assert told["wrote"] in ("PermissionError", "OSError")
    assert told["replaced"] in ("PermissionError", "OSError")
    assert told["reads"] == "done"
    assert told["mode"] == "quiet"
    assert told["secret"] is None
    assert told["ours"]
    assert not told["torch"], "packages of our own environment don't mix with the toolchain's"
    assert not told["django"]
    assert told["settings"] in ("PermissionError", "FileNotFoundError")
    assert (home / "env" / "pyvenv.cfg").exists()
    assert not (home / "env" / "lib" / "planted.py").exists()

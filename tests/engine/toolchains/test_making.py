"""A toolchain is resolved, locked, tried and then there; made once; from wheels alone; and never half."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.toolchains import places
from deployhub.engine.toolchains.declared import Need, Toolchain
from deployhub.engine.toolchains.making import ToolchainFailed
from deployhub.engine.toolchains.places import (
    Stopped,
    built_all,
    built_find,
    folder_take_away,
    in_use,
    lock_sha256,
)
from tests.engine.toolchains.conftest import Making, wheel_write


def test_a_toolchain_is_locked_with_hashes_tried_and_then_there(making: Making, tool: Toolchain) -> None:
    built = making.ensure(tool)
    assert making.phases == [
        "Resolving versions",
        "Downloading packages",
        "Installing",
        "Smoke test in the sandbox",
    ]
    assert built.versions == {"hammer": "1.0", "handle": "2.1"}
    assert built.lock_text.count("--hash=sha256:") == 2
    assert built.lock_sha256 == lock_sha256(built.lock_text)
    assert Path(built.folder).name == f"tool-1.0-{built.lock_sha256[:12]}"
    assert built_find(making.root, tool) == built
    said = subprocess.run(
        [str(built.python), "-c", "import hammer; print(hammer.VERSION)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "1.0"


def test_what_stands_already_is_taken_without_making_it_again(making: Making, tool: Toolchain) -> None:
    first = making.ensure(tool)
    making.events.clear()
    assert making.ensure(tool) == first
    assert making.events == []
    assert len(making.smoked) == 1


def test_a_changed_declaration_is_another_environment_beside_the_old(making: Making, tool: Toolchain) -> None:
    old = making.ensure(tool)
    wheel_write(making.wheels, "hammer", "1.1")
    newer = dataclasses.replace(
        tool, release=dataclasses.replace(tool.release, requirements=("hammer==1.1",))
    )
    new = making.ensure(newer)
    assert new.folder != old.folder
    assert built_find(making.root, tool) == old
    assert built_find(making.root, newer) == new


def test_a_build_of_a_year_ago_is_made_again_from_its_list(making: Making, tool: Toolchain) -> None:
    loose = dataclasses.replace(tool, release=dataclasses.replace(tool.release, requirements=("hammer<2",)))
    old = making.ensure(loose)
    text = old.lock_text
    assert folder_take_away(making.root, Path(old.folder))
    wheel_write(making.wheels, "handle", "2.2")
    again = making.ensure(loose, lock_text=text)
    assert again.lock_sha256 == old.lock_sha256
    assert again.versions["handle"] == "2.1"
    assert making.ensure(loose, anew=True).versions["handle"] == "2.2"


def test_without_the_wheels_it_is_refused_with_what_is_missing_and_asks_no_network(
    making: Making, tool: Toolchain
) -> None:
    (making.wheels / "handle-2.1-py3-none-any.whl").unlink()
    with pytest.raises(ToolchainFailed, match="handle") as refused:
        making.ensure(tool)
    assert "DEPLOYHUB_WHEELS" in refused.value.hint
    assert built_all(making.root) == []


def test_a_wheel_that_was_exchanged_after_locking_is_refused(making: Making, tool: Toolchain) -> None:
    text = making.ensure(tool).lock_text
    assert folder_take_away(making.root, Path(making.ensure(tool).folder))
    shutil.rmtree(making.root / ".cache")
    wheel_write(making.wheels, "hammer", "1.0", body="VERSION = 'another'\n")
    with pytest.raises(ToolchainFailed, match=r"(?i)hash"):
        making.ensure(tool, lock_text=text)


def test_what_fails_its_smoke_test_never_appears(making: Making, tool: Toolchain) -> None:
    def fail(python: Path) -> dict[str, Any]:
        raise ToolchainFailed("toolchain_failed", "The package hammer can't be imported.")

    with pytest.raises(ToolchainFailed, match="hammer"):
        making.ensure(tool, smoke=fail)
    assert [path.name for path in making.root.iterdir() if not path.name.startswith(".")] == []
    assert not list(making.root.glob(".staging*"))


def test_a_rebuild_that_fails_leaves_the_present_environment_alone(making: Making, tool: Toolchain) -> None:
    built = making.ensure(tool)

    def fail(python: Path) -> dict[str, Any]:
        raise ToolchainFailed("toolchain_failed", "No.")

    with pytest.raises(ToolchainFailed):
        making.ensure(tool, smoke=fail, anew=True)
    assert built_find(making.root, tool) == built
    assert built.python.exists()


def test_nothing_is_taken_away_while_a_job_runs_in_it(making: Making, tool: Toolchain) -> None:
    built = making.ensure(tool)
    with in_use(making.root, built):
        assert not folder_take_away(making.root, Path(built.folder))
        with pytest.raises(ToolchainFailed) as busy:
            making.ensure(tool, anew=True)
        assert busy.value.code == "toolchain_busy"
        assert built.python.exists()
    assert folder_take_away(making.root, Path(built.folder))
    with pytest.raises(FileNotFoundError), in_use(making.root, built):
        pass


def test_a_build_ends_when_its_job_is_stopped(making: Making, tool: Toolchain) -> None:
    with pytest.raises(Stopped):
        making.ensure(tool, should_stop=lambda: True)
    assert built_all(making.root) == []


def test_a_machine_that_lacks_something_is_told_what_before_anything_is_fetched(
    making: Making, tool: Toolchain
) -> None:
    lacking = dataclasses.replace(
        tool, needs=(Need("No such card: /dev/none is missing", device="/dev/none"),)
    )
    with pytest.raises(ToolchainFailed, match="No such card: /dev/none is missing") as refused:
        making.ensure(lacking)
    assert refused.value.code == "toolchain_unavailable"
    assert making.events == []


def test_uv_learns_no_secret_of_the_worker(
    making: Making, tool: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployhub.engine.toolchains import making as module

    spy = tmp_path / "uv"
    seen = tmp_path / "seen"
    spy.write_text(f"#!/bin/sh\nenv > {seen}\nexit 3\n")
    spy.chmod(0o755)
    monkeypatch.setattr(module, "uv_find", lambda: str(spy))
    monkeypatch.setenv("DEPLOYHUB_SECRET_KEY", "open-sesame")
    monkeypatch.setenv("DATABASE_URL", "postgres://open-sesame@db")
    with pytest.raises(ToolchainFailed):
        making.ensure(tool)
    assert "open-sesame" not in seen.read_text()


WAIT_AND_MAKE = """
import json, sys
from pathlib import Path
from deployhub.engine.toolchains.declared import Release, Toolchain
from deployhub.engine.toolchains.making import toolchain_ensure
root, wheels, log = map(Path, sys.argv[1:4])
tool = Toolchain(key="tool", label="Tool", release=Release("1.0", ("hammer==1.0",)), python=("3.11", "3.12", "3.13", "3.14"))
def smoke(python):
    import time
    with log.open("a") as file: file.write("made\\n")
    time.sleep(1.0)
    return {"python": "3"}
events = []
built = toolchain_ensure(tool, root=root, smoke=smoke, emit=events.append, wheels=wheels)
print(json.dumps({"folder": built.folder, "phases": [e["name"] for e in events if e["type"] == "phase"]}))
"""


def test_two_workers_that_need_the_same_toolchain_make_it_once(making: Making, tmp_path: Path) -> None:
    log = tmp_path / "made.log"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", WAIT_AND_MAKE, str(making.root), str(making.wheels), str(log)],
            cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    told = []
    for one in both:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
        told.append(json.loads(out))
    assert log.read_text().splitlines() == ["made"]
    assert told[0]["folder"] == told[1]["folder"]
    assert any("Waiting for another job" in " ".join(each["phases"]) for each in told)


def test_two_threads_of_a_worker_make_it_once_too(making: Making, tool: Toolchain) -> None:
    def slowly(python: Path) -> dict[str, Any]:
        making.smoked.append(python)
        time.sleep(0.5)
        return {"python": "3"}

    threads = [
        threading.Thread(target=making.ensure, args=(tool,), kwargs={"smoke": slowly}) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(making.smoked) == 1


def test_packages_are_hard_links_from_one_cache(making: Making, tool: Toolchain) -> None:
    built = making.ensure(tool)
    module = next((Path(built.folder) / "env").rglob("hammer.py"))
    assert module.stat().st_ino in {
        path.stat().st_ino for path in (making.root / ".cache").rglob("hammer.py")
    }


def test_a_lock_is_the_same_whatever_its_comments_and_order() -> None:
    one = "a==1 \\\n    --hash=sha256:11\n    # via b\nb==2 \\\n    --hash=sha256:22\n"
    other = "b==2 --hash=sha256:22\n\na==1   --hash=sha256:11\n"
    assert lock_sha256(one) == lock_sha256(other)
    assert lock_sha256(one) != lock_sha256(one.replace("sha256:22", "sha256:23"))
    assert places.lock_versions(one) == {"a": "1", "b": "2"}

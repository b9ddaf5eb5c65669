"""Every toolchain's file is understood, complete, and names what exists."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployhub.engine.catalogue import formats_discover
from deployhub.engine.toolchains import declared
from deployhub.engine.toolchains.declared import (
    DeclarationInvalid,
    Need,
    Release,
    release_current,
    toolchain_declared,
    toolchain_read,
    toolchains_declared,
)

ALL = sorted(toolchains_declared().values(), key=lambda toolchain: toolchain.name)
REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("toolchain", ALL, ids=lambda toolchain: toolchain.name)
def test_every_declaration_is_complete(toolchain: declared.Toolchain) -> None:
    assert toolchain.python
    assert toolchain.formats
    assert toolchain.licence.endswith(".")
    assert toolchain.hardware.endswith(".")
    assert bool(toolchain.modules) == toolchain.builds, "what is built is imported by its smoke test"
    assert toolchain.builds or toolchain.needs, "what we can't build says what it needs"
    for need in toolchain.needs:
        assert not need.says.endswith(".")
        assert sum(map(bool, (need.device, need.program, need.package))) == 1


@pytest.mark.parametrize("toolchain", [t for t in ALL if t.builds and not t.is_main], ids=lambda t: t.name)
def test_every_package_of_a_toolchain_of_ours_is_pinned_or_bounded(toolchain: declared.Toolchain) -> None:
    for requirement in toolchain.all_requirements:
        assert "==" in requirement or "<=" in requirement, requirement


def test_every_format_has_a_toolchain_that_names_it_back() -> None:
    for entry in formats_discover().values():
        assert entry.key in toolchain_declared(entry.toolchain).formats, entry.key


def test_the_engines_own_ultralytics_is_the_current_release() -> None:
    requirements = (REPOSITORY / "pyproject.toml").read_text()
    assert f"ultralytics=={release_current().version}" in requirements


def test_a_new_release_of_ultralytics_is_a_new_toolchain_beside_the_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = Release("8.3.0", ("ultralytics==8.3.0", "torch==2.9.0"))
    current = release_current()
    monkeypatch.setattr(declared, "releases_declared", lambda: {current.version: current, "8.3.0": older})
    both = declared.toolchains_declared.__wrapped__()
    new, old = both[f"ncnn-{release_current().version}"], both["ncnn-8.3.0"]
    assert old.digest != new.digest
    assert "ultralytics==8.3.0" in old.all_requirements


def test_a_declaration_with_a_misspelt_word_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text('label = "Odd"\npython = ["3.11"]\nrequirments = ["numpy"]\n')
    with pytest.raises(DeclarationInvalid, match=r"odd\.toml"):
        toolchain_read(path, release=release_current())


def test_what_a_machine_lacks_is_said_precisely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensorrt = toolchain_declared("tensorrt")
    if not os.path.exists("/dev/nvidia0"):
        assert "No NVIDIA GPU: /dev/nvidia0 is missing." in tensorrt.missing()
    assert any("edgetpu_compiler" in each for each in toolchain_declared("edgetpu").missing())
    monkeypatch.setattr(declared, "platform_name", lambda: "plan9-mips")
    assert "this machine is plan9-mips" in " ".join(toolchain_declared("litert").missing())


def test_a_need_that_is_met_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "vendor-compiler"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    base = dataclasses.replace(toolchain_declared("edgetpu"), machines=())
    met = dataclasses.replace(base, needs=(Need("It needs a compiler", program="vendor-compiler"),))
    assert met.missing() == []
    assert dataclasses.replace(base, needs=(Need("It needs a card", device="/dev/none"),)).missing()


def test_declarations_are_read_with_the_standard_library_alone() -> None:
    script = (
        "import sys; from deployhub.engine.toolchains import declared, places, making; "
        "declared.toolchains_declared(); "
        "outside = {'torch', 'ultralytics', 'numpy', 'django', 'packaging', 'yaml'} & set(sys.modules); "
        "sys.exit(f'imported {outside}' if outside else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_packages_of_a_toolchain_are_printed_for_a_machine_without_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from deployhub.engine.__main__ import main

    assert main(["requirements", "ncnn"]) == 0
    assert capsys.readouterr().out.splitlines() == list(toolchain_declared("ncnn").all_requirements)
    assert main(["requirements", "nothing"]) == 1

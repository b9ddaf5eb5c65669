"""The floors and rooms of docs/architecture.md, as import-linter keeps them (pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.architecture.tree import PACKAGE, ROOT, WEB_APPS

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_every_import_goes_down() -> None:
    done = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[done.stdout.find("Contracts:") :]


def test_every_part_of_the_package_stands_on_a_floor() -> None:
    floors = next(contract for contract in contracts() if contract["name"].startswith("Floors"))
    assert floors["exhaustive"] is True
    listed = {name.strip() for layer in floors["layers"] for name in layer.replace("|", ":").split(":")}
    on_disk = {
        path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith(("_", "py."))
    }
    assert on_disk == listed


def test_every_app_has_its_rooms_in_order() -> None:
    rooms = next(contract for contract in contracts() if contract["name"].startswith("Rooms"))
    assert rooms["exhaustive"] is True
    apps = {f"deployhub.{name}" for name in WEB_APPS if name != "doors"}
    assert set(rooms["containers"]) == apps, "doors is a floor of base classes and has no rooms"

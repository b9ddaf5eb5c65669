"""Read the declarations: one TOML file for each toolchain, and one of the Ultralytics releases."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

MAIN = "main"
DECLARATIONS = Path(__file__).parent
_RELEASES_FILE = "releases.toml"


class DeclarationInvalid(ValueError):
    """A toolchain's file says something that is not understood."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a machine must have beside packages: a device file, a program, or a vendor's own package.

    says: what is missing without it, as a sentence without its full stop.
    """

    says: str
    device: str = ""
    program: str = ""
    package: str = ""

    def is_met(self) -> bool:
        if self.device:
            return os.path.exists(self.device)
        if self.program:
            return shutil.which(self.program) is not None
        from deployhub.engine.fingerprint import package_version

        return bool(self.package) and package_version(self.package) is not None


@dataclass(frozen=True, slots=True)
class Release:
    """One Ultralytics release, with what every environment of it holds."""

    version: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One environment. See the files beside this one.

    python: minor versions that it can be made with, best first. modules: what the smoke test imports; formats: what
    it exports. needs: what the machine must have. builds: False where a vendor's packages can't be had with `uv`.
    """

    key: str
    label: str
    release: Release
    python: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    licence: str = ""
    hardware: str = ""
    machines: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    builds: bool = True

    @property
    def name(self) -> str:
        """Key and release: a new Ultralytics release is a new toolchain beside the old."""
        return f"{self.key}-{self.release.version}"

    @property
    def is_main(self) -> bool:
        return self.key == MAIN

    @property
    def all_requirements(self) -> tuple[str, ...]:
        return (*self.release.requirements, *self.requirements)

    @property
    def digest(self) -> str:
        """What makes two declarations the same environment, as a SHA-256."""
        content = [self.key, self.python, self.all_requirements, sorted(self.environment.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def missing(self) -> list[str]:
        """What this machine lacks for it, as sentences; empty when it can be made and used here."""
        said = [f"{need.says}." for need in self.needs if not need.is_met()]
        here = platform_name()
        if self.machines and here not in self.machines:
            said.append(f"{self.label} exists for {', '.join(self.machines)}; this machine is {here}.")
        return said


def platform_name() -> str:
    return f"{platform.system().lower()}-{platform.machine().lower()}"


@cache
def releases_declared() -> dict[str, Release]:
    """Ultralytics releases by version; the first is the one that new exports take."""
    content = tomllib.loads((DECLARATIONS / _RELEASES_FILE).read_text(encoding="utf-8"))
    return {
        version: Release(version, tuple(entry["requirements"]))
        for version, entry in content["release"].items()
    }


def release_current() -> Release:
    return next(iter(releases_declared().values()))


@cache
def toolchains_declared() -> dict[str, Toolchain]:
    """Every declared toolchain in every declared release, by name (`ncnn-8.4.190`).

    Raises DeclarationInvalid when a file is not understood.
    """
    found: dict[str, Toolchain] = {}
    for release in releases_declared().values():
        for path in sorted(DECLARATIONS.glob("*.toml")):
            if path.name != _RELEASES_FILE:
                toolchain = toolchain_read(path, release=release)
                found[toolchain.name] = toolchain
    return found


def toolchain_declared(key: str, *, release: str = "") -> Toolchain:
    """One toolchain by key, in the current release unless another is named. Raises KeyError."""
    return toolchains_declared()[f"{key}-{release or release_current().version}"]


def toolchain_read(path: Path, *, release: Release) -> Toolchain:
    """Read one declaration. Raises DeclarationInvalid with the file's name."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        needs = tuple(Need(**need) for need in content.pop("needs", []))
        only_in = content.pop("releases", {})
        content |= only_in.get(release.version, {})
        toolchain = Toolchain(
            key=path.stem,
            release=release,
            needs=needs,
            **{name: _plain(value) for name, value in content.items()},
        )
    except (TypeError, ValueError) as error:
        raise DeclarationInvalid(f"{path.name}: {error}") from error
    if not toolchain.python or not all(isinstance(each, str) for each in toolchain.all_requirements):
        raise DeclarationInvalid(f"{path.name}: python and requirements are lists of words.")
    return toolchain


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def python_choose(toolchain: Toolchain) -> str:
    """What `uv` is told to build with: this interpreter when it fits, else the first version that does."""
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sys.executable if mine in toolchain.python else toolchain.python[0]

"""A small toolchain that needs no network: wheels that a test wrote itself, and a smoke test that only looks."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.toolchains.declared import Release, Toolchain

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def wheel_write(
    folder: Path, name: str, version: str, *, requires: tuple[str, ...] = (), body: str = ""
) -> Path:
    """A wheel of one module, whole enough for uv."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
    files = {
        f"{name}.py": body or f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(file, content)
    return path


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    wheel_write(folder, "hammer", "1.0", requires=("handle>=2",))
    wheel_write(folder, "handle", "2.1")
    return folder


@pytest.fixture
def tool() -> Toolchain:
    return Toolchain(
        key="tool",
        label="Tool",
        release=Release("1.0", ("hammer==1.0",)),
        python=PYTHONS,
        environment={"TOOL_MODE": "quiet"},
        modules=("hammer",),
    )


class Making:
    """Makes toolchains below `root`, and remembers what was told."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root, self.wheels = root, wheels
        self.events: list[dict[str, Any]] = []
        self.smoked: list[Path] = []

    def smoke(self, python: Path) -> dict[str, Any]:
        self.smoked.append(python)
        return {"python": "3.11.0", "exports": []}

    def ensure(self, toolchain: Toolchain, **more: Any) -> Any:
        from deployhub.engine.toolchains.making import toolchain_ensure

        options = {"root": self.root, "smoke": self.smoke, "emit": self.events.append, "wheels": self.wheels}
        return toolchain_ensure(toolchain, **{**options, **more})

    @property
    def phases(self) -> list[str]:
        return [event["name"] for event in self.events if event["type"] == "phase"]


@pytest.fixture
def making(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Making:
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    return Making(tmp_path / "toolchains", wheels)

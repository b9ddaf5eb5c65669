"""The tree as the law tests read it: files and syntax, nothing imported."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "deployhub"
WEB_APPS = (
    "access", "accounts", "audit", "certification", "conversion", "doors", "jobs", "portal", "registry", "review", "toolchains",
)  # fmt: skip


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git tracks, or would (new and not ignored), relative to the root.

    Without git (an unpacked archive), every file outside hidden folders and the state folder.
    """
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        listed = [
            str(path) for path in found if path.parts[0] not in ("var", "node_modules", ".git", ".venv")
        ]
    return tuple(sorted(Path(name) for name in listed if name and (ROOT / name).is_file()))


def source_files(*folders: str) -> Iterator[Path]:
    """Our own Python files under `folders` (default: the package), migrations left out."""
    for path in tracked_files():
        if (
            path.suffix == ".py"
            and path.parts[0] in (folders or ("deployhub",))
            and "migrations" not in path.parts
        ):
            yield path


@functools.cache
def syntax_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))

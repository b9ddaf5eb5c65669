"""Where toolchains lie on this machine, which of them are whole, and how long one may not be taken away.

    ROOT/<key>-<release>-<lock>/{manifest.json, lock.txt, env/}

A folder appears by one rename when its smoke test has passed, so what is there is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deployhub.engine.toolchains.declared import Toolchain

LOCKS = ".locks"
STAGING = ".staging"
_WAIT_S = 0.3
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


@dataclass(frozen=True, slots=True)
class Built:
    """A toolchain that stands on this machine. smoke: what its smoke test saw."""

    name: str
    key: str
    release: str
    declaration: str
    lock_sha256: str
    python_version: str
    versions: dict[str, str]
    size_bytes: int
    built_at: str
    smoke: dict[str, Any] = field(default_factory=dict)
    folder: str = ""

    @property
    def python(self) -> Path:
        return Path(self.folder) / "env" / "bin" / "python"

    @property
    def lock_text(self) -> str:
        return (Path(self.folder) / "lock.txt").read_text(encoding="utf-8")

    def manifest(self) -> str:
        content = asdict(self)
        del content["folder"]
        return json.dumps(content, indent=1, sort_keys=True)


class Stopped(Exception):
    """Waiting or making was ended because it was asked to."""


def lock_sha256(text: str) -> str:
    """Digest of a resolved list: over its releases and hashes, whatever its comments and order."""
    joined = text.replace("\\\n", " ")
    lines = (" ".join(line.split("#")[0].split()) for line in joined.splitlines())
    return hashlib.sha256("\n".join(sorted(line for line in lines if line)).encode()).hexdigest()


def lock_versions(text: str) -> dict[str, str]:
    """Package names and versions of a resolved list."""
    found = (_PINNED.match(line) for line in text.splitlines())
    return {match[1].lower(): match[2] for match in found if match}


def folder_name(toolchain: Toolchain, lock_digest: str) -> str:
    return f"{toolchain.name}-{lock_digest[:12]}"


def built_all(root: Path) -> list[Built]:
    """Every whole toolchain below `root`, newest first."""
    found = []
    for manifest in root.glob("*/manifest.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            if not manifest.parent.name.startswith("."):
                found.append(Built(**json.loads(manifest.read_text()), folder=str(manifest.parent)))
    return sorted(found, key=lambda built: built.built_at, reverse=True)


def built_find(root: Path, toolchain: Toolchain, *, lock: str = "") -> Built | None:
    """The newest environment of this declaration, or the one with exactly this lock."""
    for built in built_all(root):
        if built.name == toolchain.name and (
            built.lock_sha256 == lock if lock else built.declaration == toolchain.digest
        ):
            return built
    return None


def folder_size_bytes(folder: Path) -> int:
    """Length of all files; those shared with uv's cache by hard links count as well."""
    total = 0
    for above, _folders, files in os.walk(folder):
        for name in files:
            total += os.lstat(os.path.join(above, name)).st_size
    return total


def _lock_file(root: Path, name: str) -> int:
    (root / LOCKS).mkdir(parents=True, exist_ok=True)
    return os.open(root / LOCKS / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock_take(
    handle: int, kind: int, *, should_stop: Callable[[], bool], waiting: Callable[[], None]
) -> None:
    told = False
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not told:
                waiting()
                told = True
            if should_stop():
                raise Stopped from None
            time.sleep(_WAIT_S)


@contextlib.contextmanager
def build_alone(
    root: Path, name: str, *, should_stop: Callable[[], bool], waiting: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """One builder of a toolchain at a time, among threads and processes of this machine. Raises Stopped."""
    handle = _lock_file(root, f"{name}.build")
    try:
        _lock_take(handle, fcntl.LOCK_EX, should_stop=should_stop, waiting=waiting)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def in_use(root: Path, built: Built) -> Iterator[None]:
    """While a job runs in a toolchain, nobody takes it away. Raises FileNotFoundError when it is gone already."""
    handle = _lock_file(root, f"{Path(built.folder).name}.use")
    try:
        _lock_take(handle, fcntl.LOCK_SH, should_stop=lambda: False, waiting=lambda: None)
        if not built.python.exists():
            raise FileNotFoundError(built.folder)
        yield
    finally:
        os.close(handle)


def folder_take_away(root: Path, folder: Path) -> bool:
    """Remove a toolchain's folder; False while a job runs in it. It vanishes at once, its files a little later."""
    handle = _lock_file(root, f"{folder.name}.use")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        leaving = root / f"{STAGING}-removed-{os.getpid()}-{time.monotonic_ns()}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(leaving)
        shutil.rmtree(leaving, ignore_errors=True)
        return True
    finally:
        os.close(handle)

"""Make a toolchain: resolve, lock, install with hard links, try it in the sandbox, and let it appear by one rename."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployhub.engine.spec import ErrorCode
from deployhub.engine.toolchains.declared import Toolchain, python_choose
from deployhub.engine.toolchains.places import (
    STAGING,
    Built,
    Stopped,
    build_alone,
    built_find,
    folder_name,
    folder_size_bytes,
    folder_take_away,
    lock_sha256,
    lock_versions,
)

Emit = Callable[[dict[str, Any]], None]
Smoke = Callable[[Path], dict[str, Any]]
"""Try the interpreter in the sandbox; returns what was seen, raises what went wrong."""

BUILD_TIMEOUT_S = 3600
_POLL_S = 0.3
_SAID_KEPT = 40
# Ultralytics asks for opencv-python, whose windows need libraries that a server lacks; the headless one is pinned.
_OVERRIDES = "opencv-python ; sys_platform == 'never'\n"
# What uv may know of the worker: where it lives, and how the network is reached. No secret of ours is among it.
_PASSED = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
           "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
           "NETRC")  # fmt: skip


class ToolchainFailed(Exception):
    """A toolchain could not be made. code: see ErrorCode; detail: what happened; hint: what to do."""

    def __init__(self, code: str, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.hint = code, detail, hint


def uv_find() -> str | None:
    """The `uv` program: beside this interpreter, or in the PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def build_obstacle(toolchain: Toolchain) -> str:
    """Why this machine can't make and use a toolchain, as sentences; empty when it can."""
    said = toolchain.missing()
    if not said and not toolchain.builds and not toolchain.is_main:
        return ""
    if not said and not toolchain.is_main and uv_find() is None:
        said = ["The program uv, which makes toolchains, is not installed on this worker."]
    return " ".join(said)


def toolchain_ensure(
    toolchain: Toolchain,
    *,
    root: Path,
    smoke: Smoke,
    emit: Emit,
    should_stop: Callable[[], bool] = lambda: False,
    wheels: Path | None = None,
    anew: bool = False,
    lock_text: str = "",
) -> Built:
    """The toolchain, made if it is not there; whoever comes second waits for the first and takes what it made.

    wheels: a folder that is the only source of packages. anew: resolve and install again. lock_text: install exactly
    this list instead of resolving. Raises ToolchainFailed or Stopped.
    """
    wanted = lock_sha256(lock_text) if lock_text else ""
    root.mkdir(parents=True, exist_ok=True)
    if not anew and (built := built_find(root, toolchain, lock=wanted)):
        return built
    if obstacle := build_obstacle(toolchain):
        raise ToolchainFailed(
            ErrorCode.TOOLCHAIN_UNAVAILABLE, f"{toolchain.label} can't be made here. {obstacle}"
        )

    def waiting() -> None:
        emit({"type": "phase", "name": "Waiting for another job that makes this toolchain"})

    with build_alone(root, toolchain.name, should_stop=should_stop, waiting=waiting):
        if not anew and (built := built_find(root, toolchain, lock=wanted)):
            return built
        for left in root.glob(f"{STAGING}-{toolchain.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=f"{STAGING}-{toolchain.name}-", dir=root))
        try:
            staging.chmod(0o755)
            making = _Making(
                toolchain, root=root, staging=staging, emit=emit, should_stop=should_stop, wheels=wheels
            )
            return making.run(lock_text=lock_text, smoke=smoke)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


class _Making:
    def __init__(
        self, toolchain: Toolchain, *, root: Path, staging: Path, emit: Emit, should_stop: Callable[[], bool],
        wheels: Path | None,
    ) -> None:  # fmt: skip
        self.toolchain, self.root, self.staging = toolchain, root, staging
        self.emit, self.should_stop, self.wheels = emit, should_stop, wheels
        self.uv = uv_find() or "uv"

    def run(self, *, lock_text: str, smoke: Smoke) -> Built:
        lock = self.staging / "lock.txt"
        if lock_text:
            lock.write_text(lock_text, encoding="utf-8")
        else:
            self._resolve(lock)
        resolved = lock.read_text(encoding="utf-8")
        versions, digest = lock_versions(resolved), lock_sha256(resolved)
        self._install(lock, packages=len(versions))
        python = self.staging / "env" / "bin" / "python"
        self._phase("Smoke test in the sandbox")
        seen = smoke(python)
        built = Built(
            name=self.toolchain.name,
            key=self.toolchain.key,
            release=self.toolchain.release.version,
            declaration=self.toolchain.digest,
            lock_sha256=digest,
            python_version=str(seen.get("python", "")),
            versions=versions,
            size_bytes=folder_size_bytes(self.staging / "env"),
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
            smoke={**seen, "at": datetime.now(UTC).isoformat(timespec="seconds")},
            folder=str(self.root / folder_name(self.toolchain, digest)),
        )
        (self.staging / "manifest.json").write_text(built.manifest(), encoding="utf-8")
        return self._appear(built)

    def _appear(self, built: Built) -> Built:
        folder = Path(built.folder)
        if folder.exists() and not folder_take_away(self.root, folder):
            raise ToolchainFailed(
                ErrorCode.TOOLCHAIN_BUSY,
                "A job runs in the present environment of this toolchain, so it was not replaced.",
                "Rebuild it when no export of its formats runs.",
            )
        os.rename(self.staging, folder)
        return built

    def _resolve(self, lock: Path) -> None:
        self._phase("Resolving versions")
        asked = self.staging / "requirements.in"
        asked.write_text("\n".join(self.toolchain.all_requirements) + "\n", encoding="utf-8")
        overrides = self.staging / "overrides.txt"
        overrides.write_text(_OVERRIDES, encoding="utf-8")
        self._uv(
            ["pip", "compile", str(asked), "--override", str(overrides), "--generate-hashes", "--no-header",
             "--no-annotate", "--quiet", "--python", python_choose(self.toolchain), "--only-binary", ":all:",
             *self._source(), "--output-file", str(lock)],
            what="resolve its packages",
        )  # fmt: skip

    def _install(self, lock: Path, *, packages: int) -> None:
        self._phase("Downloading packages")
        environment = self.staging / "env"
        self._uv(
            ["venv", "--relocatable", "--no-project", "--quiet", "--python", python_choose(self.toolchain),
             str(environment)],
            what="make an environment",
        )  # fmt: skip

        installing = False

        def heard(line: str) -> None:
            nonlocal installing
            # uv says "Prepared" only of what was not in its cache.
            if line.startswith(("Prepared ", "Installed ")) and not installing:
                installing = True
                self.emit({"type": "phase", "name": "Installing", "total": packages, "unit": "packages"})
            if line.startswith("Installed "):
                self.emit({"type": "progress", "done": packages})
            if line.startswith(("Prepared", "Installed", "Downloading", "Resolved")):
                self.emit({"type": "log", "level": "info", "text": line})

        self._uv(
            ["pip", "sync", str(lock), "--python", str(environment / "bin" / "python"), "--require-hashes",
             "--link-mode", "hardlink", "--only-binary", ":all:", *self._source()],
            what="install its packages",
            heard=heard,
        )  # fmt: skip

    def _source(self) -> list[str]:
        return ["--offline", "--no-index", "--find-links", str(self.wheels)] if self.wheels else []

    def _phase(self, name: str) -> None:
        self.emit({"type": "phase", "name": name})

    def _environment(self) -> dict[str, str]:
        passed = {
            name: value for name, value in os.environ.items() if name in _PASSED or name.startswith("UV_")
        }
        # In the same file system as the environments, so that hard links hold; an administrator may say otherwise.
        passed.setdefault("UV_CACHE_DIR", str(self.root / ".cache"))
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.root), **passed, "UV_NO_PROGRESS": "1", "NO_COLOR": "1",
                "UV_NO_CONFIG": "1"}  # fmt: skip

    def _uv(
        self, arguments: list[str], *, what: str, heard: Callable[[str], None] = lambda line: None
    ) -> None:
        """Run uv to its end, hearing each line; ends it when the job is stopped. Raises ToolchainFailed, Stopped."""
        said: list[str] = []
        deadline = time.monotonic() + BUILD_TIMEOUT_S
        with subprocess.Popen(
            [self.uv, *arguments], env=self._environment(), cwd=self.staging, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as running:  # fmt: skip
            try:
                for line in _lines(running, should_stop=self.should_stop, deadline=deadline):
                    said = [*said, line][-_SAID_KEPT:]
                    heard(line)
                status = running.wait(timeout=10)
            finally:
                if running.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(running.pid, signal.SIGKILL)
        if status != 0:
            for line in said:
                self.emit({"type": "log", "level": "error", "text": line})
            raise ToolchainFailed(*self._failure(what, said))

    def _failure(self, what: str, said: list[str]) -> tuple[str, str, str]:
        last = next(
            (line for line in said if line.lower().startswith(("error", "×"))), said[-1] if said else ""
        )
        reason = " ".join(said[said.index(last) :])[:600] if last else "uv said nothing."
        detail = f"uv could not {what}: {reason}"
        if "No space left" in reason:
            return (
                ErrorCode.STORAGE_FULL,
                "The worker's disk is full.",
                "Free space, then make the toolchain again.",
            )
        if self.wheels:
            return (
                ErrorCode.TOOLCHAIN_FAILED,
                detail,
                f"Packages come from the folder {self.wheels} alone (DEPLOYHUB_WHEELS). Put the missing wheels there.",
            )
        return (
            ErrorCode.TOOLCHAIN_FAILED,
            detail,
            "Check that the worker reaches the package index, or name a folder of wheels in DEPLOYHUB_WHEELS.",
        )


def _lines(running: subprocess.Popen[bytes], *, should_stop: Callable[[], bool], deadline: float) -> Any:
    assert running.stdout is not None
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(running.stdout, selectors.EVENT_READ)
        while True:
            if should_stop():
                raise Stopped
            if time.monotonic() > deadline:
                raise ToolchainFailed(ErrorCode.LIMIT_TIME, "Making the toolchain took longer than an hour.")
            if not selector.select(_POLL_S):
                continue
            chunk = os.read(running.stdout.fileno(), 65536)
            if not chunk:
                if pending.strip():
                    yield pending.decode(errors="replace").strip()
                return
            *whole, pending = (pending + chunk).split(b"\n")
            for line in whole:
                if text := line.decode(errors="replace").strip():
                    yield text

"""Resumable downloads of artifacts: what broke off goes on, and nothing is handed over unchecked.

The bytes gather in a hidden file beside the target, named by the digest of what it is to become; only what matches
the artifact's manifest is moved into place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from deployhub.client.connection import Server, response_check
from deployhub.client.failures import CommandFailed, ServerRefused, UsageWrong
from deployhub.client.terminal import Gauge, Terminal
from deployhub.client.uploading import READ_BYTES, file_digest


@dataclass(frozen=True, slots=True)
class Target:
    """Where an artifact goes: a file, or a folder that its files are unpacked into."""

    path: Path
    is_folder: bool


def is_packed(artifact: dict[str, Any]) -> bool:
    """Whether the artifact comes as a zip file of its files."""
    return len(artifact["files"]) != 1 or artifact["file_name"].endswith(".zip")


def target_choose(artifact: dict[str, Any], *, output: str | None, keep_zip: bool) -> Target:
    """`output` may be a folder that exists (the artifact goes into it), or the name to give it."""
    unpacks = is_packed(artifact) and not keep_zip and not (output or "").endswith(".zip")
    name = safe_name(artifact["file_name"])
    if unpacks:
        name = name.removesuffix(".zip")
    if output is None:
        return Target(Path(name), unpacks)
    path = Path(output).expanduser()
    return Target(path / name if path.is_dir() or output.endswith(("/", os.sep)) else path, unpacks)


def safe_name(name: str) -> str:
    """The last part of a name that a server gave: it must not choose the folder."""
    last = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable()).lstrip(".")
    return last or "artifact"


def artifact_pull(
    server: Server, terminal: Terminal, artifact: dict[str, Any], target: Target, *, replaces: bool
) -> bool:
    """Fetch and check the artifact. False when the very same lies there already."""
    if target.path.exists() or target.path.is_symlink():
        if _is_same(artifact, target):
            return False
        if not replaces:
            raise UsageWrong(
                f"{target.path} exists and is something else.",
                hint="Name another place with --output, or add --force.",
            )
    target.path.parent.mkdir(parents=True, exist_ok=True)
    is_zip = is_packed(artifact)
    digest = artifact["manifest_sha256"] if is_zip else artifact["files"][0]["sha256"]
    part = target.path.parent / f".{target.path.name}.{digest[:12]}.part"
    with terminal.transfer(
        f"Downloading {artifact['file_name']}", total_bytes=artifact["size_bytes"]
    ) as gauge:
        _fetch(server, f"artifacts/{artifact['id']}/download/", part, etag=digest, gauge=gauge)
    if not is_zip:
        if file_digest(part) != digest:
            raise _damaged(part, artifact["file_name"])
        _put(part, target.path)
        return True
    unpacked = part.with_suffix(".folder")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        _unpack(part, unpacked, artifact)
        if target.is_folder:
            _put(unpacked, target.path)
            part.unlink()
        else:
            _put(part, target.path)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return True


def _fetch(server: Server, address: str, part: Path, *, etag: str, gauge: Gauge) -> None:
    have = before = part.stat().st_size if part.exists() else 0

    def once() -> None:
        nonlocal have
        headers = {"Range": f"bytes={have}-", "If-Range": f'"{etag}"'} if have else {}
        headers |= {"Accept": "*/*", "Accept-Encoding": "identity"}
        with server.http.stream("GET", server.address(address), headers=headers) as response:
            try:
                response_check(response)
            except ServerRefused as error:
                if error.status != 416:
                    raise
                if error.problem.get("size_bytes") == have:
                    return  # all had arrived; only the check was still to come
                have = 0
                part.unlink()
                raise ServerRefused(status=503, problem={"detail": "The download begins anew."}) from error
            if response.status_code != 206:
                have = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise CommandFailed(
                    "The server sent another range than was asked for.", hint="Run the command again."
                )
            with part.open("r+b" if have else "wb") as file:
                file.seek(have)
                for (
                    chunk
                ) in response.iter_raw():  # as it comes: what waited in a buffer would be lost by a break
                    file.write(chunk)
                    have += len(chunk)
                    gauge(have)

    def progressed() -> bool:
        nonlocal before
        more, before = have > before, have
        return more

    gauge(have)
    server.patiently(once, progressed=progressed)


def _unpack(part: Path, folder: Path, artifact: dict[str, Any]) -> None:
    """Write the files of the manifest, no others, each checked. The names in the zip choose no place."""
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(part) as archive:
            if sorted(archive.namelist()) != sorted(file["path"] for file in artifact["files"]):
                raise _damaged(part, artifact["file_name"])
            for file in artifact["files"]:
                path = folder.joinpath(*_parts(file["path"]))
                path.parent.mkdir(parents=True, exist_ok=True)
                digest = hashlib.sha256()
                left = file["size_bytes"]
                with archive.open(file["path"]) as source, path.open("xb") as copy:
                    while chunk := source.read(READ_BYTES):
                        left -= len(chunk)
                        if left < 0:
                            raise _damaged(part, file["path"])
                        digest.update(chunk)
                        copy.write(chunk)
                if digest.hexdigest() != file["sha256"]:
                    raise _damaged(part, file["path"])
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise _damaged(part, artifact["file_name"]) from error


def _parts(path: str) -> tuple[str, ...]:
    """The parts of a path of the manifest; raises CommandFailed for one that leads out of the folder."""
    parts = PurePosixPath(path).parts
    if (
        not parts
        or path.startswith("/")
        or any(part == ".." or "\\" in part or ":" in part for part in parts)
    ):
        raise CommandFailed(
            f"The artifact holds a file with an unsafe path: {path}.",
            hint="Tell an administrator of the server.",
        )
    return parts


def _damaged(part: Path, name: str) -> CommandFailed:
    part.unlink(missing_ok=True)
    return CommandFailed(
        f"{name} arrived damaged: its sha256 is not the one that the server recorded.",
        hint="Run the command again.",
    )


def _put(made: Path, target: Path) -> None:
    """Move into place; what was there goes."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    elif made.is_dir():
        target.unlink(missing_ok=True)
    os.replace(made, target)


def _is_same(artifact: dict[str, Any], target: Target) -> bool:
    """Whether the target holds exactly the artifact's files."""
    if not target.is_folder:
        if is_packed(artifact):
            return False  # a kept zip file has no recorded digest of its own
        return target.path.is_file() and file_digest(target.path) == artifact["files"][0]["sha256"]
    if not target.path.is_dir():
        return False
    wanted = {file["path"]: file["sha256"] for file in artifact["files"]}
    found = [path for path in target.path.rglob("*") if not stat.S_ISDIR(path.lstat().st_mode)]
    if {path.relative_to(target.path).as_posix() for path in found} != set(wanted):
        return False
    return all(file_digest(path) == wanted[path.relative_to(target.path).as_posix()] for path in found)

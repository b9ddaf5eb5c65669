"""Resumable uploads (tus 1.0): pieces with a checksum; what broke off goes on, also in a later run.

The address of an upload under way is kept in the config folder under the file's digest, the server and the project.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from deployhub.client.configuration import config_folder, private_write
from deployhub.client.connection import PASSING_STATUSES, Server, response_check
from deployhub.client.failures import CommandFailed, ServerRefused, UsageWrong

PIECE_BYTES = 8 * 1024**2
READ_BYTES = 1024**2
TUS = {"Tus-Resumable": "1.0.0"}
OUT_OF_STEP = frozenset({409, 423, 460})
"""Wrong offset, locked by a request that hangs, damaged on the way: ask for the offset and go on from there."""
GONE = frozenset({404, 410})


def file_digest(path: Path, *, gauge: Callable[[int], None] = lambda done_bytes: None) -> str:
    """SHA-256 of the file, hexadecimal. Raises UsageWrong."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
                gauge(file.tell())
    except OSError as error:
        raise UsageWrong(f"{path} can't be read: {error.strerror}.") from error
    return digest.hexdigest()


class Unfinished:
    """Where the upload of one file to one project of one server stands on this machine."""

    def __init__(self, *, server_url: str, project: str, sha256: str) -> None:
        key = hashlib.sha256(f"{server_url}\n{project}\n{sha256}".encode()).hexdigest()
        self.path = config_folder() / "uploads" / f"{key[:32]}.json"

    def address(self) -> str | None:
        try:
            return str(json.loads(self.path.read_text(encoding="utf-8"))["address"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, address: str) -> None:
        private_write(self.path, json.dumps({"address": address}) + "\n")

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


class Uploading:
    """One file on its way."""

    def __init__(self, server: Server, path: Path, *, project: str, sha256: str) -> None:
        self.server = server
        self.path = path
        self.project = project
        self.size_bytes = path.stat().st_size
        self.unfinished = Unfinished(server_url=server.account.url, project=project, sha256=sha256)
        self.resumed_at_bytes = 0

    def run(self, gauge: Callable[[int], None]) -> str:
        """Send what the server lacks; returns the id of the complete upload."""
        address, offset = self._begin_or_resume()
        self.resumed_at_bytes = offset
        gauge(offset)
        with self.path.open("rb") as file:
            while offset < self.size_bytes:
                offset = self._piece_send(file, address, offset)
                gauge(offset)
        upload: dict[str, Any] = self.server.get(address)
        return str(upload["id"])

    def _begin_or_resume(self) -> tuple[str, int]:
        address = self.unfinished.address()
        if address is not None:
            try:
                return address, self._offset(address)
            except ServerRefused as error:
                if error.status not in GONE:
                    raise
                self.unfinished.forget()
        response = self.server.send(
            "POST",
            "uploads/",
            headers={
                **TUS,
                "Upload-Length": str(self.size_bytes),
                "Upload-Metadata": f"filename {_base64(self.path.name)},project {_base64(self.project)}",
                "Idempotency-Key": uuid4().hex,
            },
        )
        address = response.headers["Location"]
        self.unfinished.remember(address)
        return address, 0

    def _offset(self, address: str) -> int:
        response = self.server.send("HEAD", address, headers=TUS)
        if int(response.headers.get("Upload-Length", self.size_bytes)) != self.size_bytes:
            self.unfinished.forget()
            raise CommandFailed("The upload under way is of another file.", hint="Run the command again.")
        return int(response.headers["Upload-Offset"])

    def _piece_send(self, file: BinaryIO, address: str, offset: int) -> int:
        """Send one piece and return the new offset. A broken connection costs what had not arrived, no more."""
        reached = offset
        is_in_step = True

        def once() -> int:
            nonlocal reached, is_in_step
            if not is_in_step:
                reached = self._offset_once(address)
                is_in_step = True
                if reached > offset or reached >= self.size_bytes:
                    return reached  # part of the piece had arrived: that is progress, and the next piece begins there
            file.seek(reached)
            piece = file.read(PIECE_BYTES)
            if not piece:
                raise UsageWrong(
                    f"{self.path} became shorter while it was sent.", hint="Run the command again."
                )
            is_in_step = False
            response = self.server.http.patch(
                self.server.address(address),
                content=piece,
                headers={
                    **TUS,
                    "Content-Type": "application/offset+octet-stream",
                    "Upload-Offset": str(reached),
                    "Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(piece).digest()).decode()}",
                },
            )
            response_check(response)
            is_in_step = True
            return int(response.headers["Upload-Offset"])

        moved: int = self.server.patiently(once, passing=PASSING_STATUSES | OUT_OF_STEP)
        return moved

    def _offset_once(self, address: str) -> int:
        response = response_check(self.server.http.head(self.server.address(address), headers=TUS))
        return int(response.headers["Upload-Offset"])


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

"""A folder artifact as one zip file: made while it is sent, byte for byte the same each time.

Entries are stored, not compressed (weights don't shrink), carry no date, and come in the order given. So the size is
known before the first byte, and a download that broke off goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

from deployhub.registry.models import Blob
from deployhub.registry.storage import CHUNK_BYTES, blob_open

_ZEROS = bytes(CHUNK_BYTES)
_EPOCH = (1980, 1, 1, 0, 0, 0)
Entry = tuple[str, Blob]


class _Sink(io.RawIOBase):
    """Takes what zipfile writes; it can't seek, so zipfile writes straight on."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        piece = bytes(part)
        self.parts.append(piece)
        self.size_bytes += len(piece)
        return len(piece)

    def take(self) -> bytes:
        taken, self.parts = b"".join(self.parts), []
        return taken


def _zip_entry(path: str, size_bytes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_STORED
    info.external_attr = 0o100644 << 16
    info.create_system = 3
    info.file_size = size_bytes
    return info


def archive_size(entries: Sequence[Entry]) -> int:
    """Bytes of the zip file: its frame is written around empty entries, the contents are counted."""
    frame = _Sink()
    contents = 0
    with zipfile.ZipFile(cast(BinaryIO, frame), "w") as archive:
        for path, blob in entries:
            if blob.size_bytes * 1.05 > zipfile.ZIP64_LIMIT:
                return _archive_size_counted(entries)
            contents += blob.size_bytes
            with archive.open(_zip_entry(path, 0), "w"):
                pass
    if contents > zipfile.ZIP64_LIMIT:
        return _archive_size_counted(entries)
    return frame.size_bytes + contents


def _archive_size_counted(entries: Sequence[Entry]) -> int:
    """The same for archives beyond 2 GiB, whose frame depends on the sizes: write zeros of that length."""
    frame = _Sink()
    with zipfile.ZipFile(cast(BinaryIO, frame), "w") as archive:
        for path, blob in entries:
            with archive.open(_zip_entry(path, blob.size_bytes), "w") as entry:
                left = blob.size_bytes
                while left > 0:
                    left -= entry.write(_ZEROS[:left])
                    frame.take()
    return frame.size_bytes


def _pieces(entries: Sequence[Entry]) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(cast(BinaryIO, sink), "w") as archive:
        for path, blob in entries:
            with (
                archive.open(_zip_entry(path, blob.size_bytes), "w") as entry,
                contextlib.closing(blob_open(blob)) as file,
            ):
                while chunk := file.read(CHUNK_BYTES):
                    entry.write(chunk)
                    yield sink.take()
    yield sink.take()


class _ArchiveStream(io.RawIOBase):
    """The zip file as a stream that only reads on."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._pieces = _pieces(entries)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._pieces.close()  # type: ignore[attr-defined]
        super().close()


def archive_open(entries: Sequence[Entry], offset: int = 0) -> BinaryIO:
    """The zip file from `offset` on, as a stream that the caller closes. Raises Unavailable for a missing blob."""
    stream = io.BufferedReader(_ArchiveStream(entries), CHUNK_BYTES)
    left = offset
    while left > 0 and (skipped := stream.read(min(CHUNK_BYTES, left))):
        left -= len(skipped)
    return stream

"""Walk a zip archive with bounds; nothing is extracted."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from deployhub.engine.spec import GIB, MIB, EngineError, ErrorCode

ENTRIES_MAX = 20_000
TOTAL_BYTES_MAX = 8 * GIB
RATIO_MAX = 50
_DIRECTORY_BYTES_MAX = 16 * MIB
_NAME_CHARS_MAX = 255
_BLOCK_BYTES = 1 * MIB
_END_SIGNATURE, _END_BYTES = b"PK\x05\x06", 22
_LOCAL_SIGNATURE, _LOCAL_BYTES = b"PK\x03\x04", 30
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_HINT = "Save or zip the file again with an ordinary tool, and upload that file."


def _refuse(why: str) -> EngineError:
    return EngineError(ErrorCode.ARCHIVE_REFUSED, f"The archive was refused: {why}.", _HINT)


def _corrupt(why: str) -> EngineError:
    return EngineError(
        ErrorCode.CORRUPT_FILE,
        f"The file is damaged: {why}.",
        "Copy the file again from where it was made, and upload that copy.",
    )


def archive_walk(stream: BinaryIO, *, ratio_max: int = RATIO_MAX) -> zipfile.ZipFile:
    """Check every entry's name, kind, size and checksum. Returns the open archive.

    Two readers must not see two different archives (Python's and torch's do differ), so the file must
    start with its first entry, end with its directory, and each entry's own header must agree with it.
    Raises EngineError archive_refused or corrupt_file.
    """
    _directory_check(stream)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as broken:
        raise _corrupt("the archive's table of contents can't be read") from broken
    entries = archive.infolist()
    if len(entries) > ENTRIES_MAX:
        raise _refuse(f"it holds more than {ENTRIES_MAX:,} files")
    seen: set[str] = set()
    total_bytes = 0
    for entry in entries:
        _entry_check(entry, seen)
        _header_check(stream, entry)
        total_bytes += entry.file_size
        if total_bytes > TOTAL_BYTES_MAX:
            raise _refuse("it would unpack to more than 8 GiB")
        if entry.file_size > ratio_max * max(entry.compress_size, 1024):
            raise _refuse("a part of it would unpack to many times its size")
    for entry in entries:
        _checksum_check(archive, entry)
    return archive


def _directory_check(stream: BinaryIO) -> None:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if stream.read(4) != _LOCAL_SIGNATURE:
        raise _corrupt("the archive doesn't start with its first file")
    stream.seek(max(0, size - _END_BYTES - 65535))
    tail = stream.read()
    at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise _corrupt("the archive ends too early")
    entries, directory_bytes, comment_bytes = struct.unpack("<10xHI4xH", tail[at : at + _END_BYTES])
    if at + _END_BYTES + comment_bytes != len(tail):
        raise _refuse("something stands behind its end")
    if directory_bytes != 0xFFFFFFFF and directory_bytes > _DIRECTORY_BYTES_MAX:
        raise _refuse("its table of contents is too large")
    if entries == 0xFFFF or directory_bytes == 0xFFFFFFFF:
        wide = tail.rfind(b"PK\x06\x06", 0, at)
        if wide < 0 or len(tail) - wide < 56:
            raise _corrupt("the archive's table of contents can't be read")
        many, wide_bytes = struct.unpack("<32xQQ", tail[wide : wide + 48])
        if many > ENTRIES_MAX or wide_bytes > _DIRECTORY_BYTES_MAX:
            raise _refuse("its table of contents is too large")
    stream.seek(0)


def _entry_check(entry: zipfile.ZipInfo, seen: set[str]) -> None:
    # orig_filename: zipfile itself cuts a name at a zero byte, other readers don't.
    name = entry.orig_filename
    if not name or len(name) > _NAME_CHARS_MAX or any(ord(char) < 32 for char in name):
        raise _refuse("a name in it is empty, too long or not printable")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or (len(name) > 1 and name[1] == ":") or ".." in parts:
        raise _refuse(f"“{name[:80]}” points outside of it")
    key = str(PurePosixPath(name)).casefold()
    if key in seen:
        raise _refuse(f"it holds “{name[:80]}” twice")
    seen.add(key)
    mode = entry.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refuse(f"“{name[:80]}” is a link or a special file")
    if entry.flag_bits & _ENCRYPTED_FLAGS:
        raise _refuse("it is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refuse("it is packed by a method that models don't use")


def _header_check(stream: BinaryIO, entry: zipfile.ZipInfo) -> None:
    stream.seek(entry.header_offset)
    header = stream.read(_LOCAL_BYTES)
    if len(header) < _LOCAL_BYTES or header[:4] != _LOCAL_SIGNATURE:
        raise _corrupt("an entry of the archive is not where its table of contents says")
    flags, method, name_bytes = struct.unpack("<6xHH16xH2x", header)
    raw = stream.read(name_bytes)
    encoding = "utf-8" if flags & 0x800 else "cp437"
    if raw.decode(encoding, errors="replace") != entry.orig_filename or method != entry.compress_type:
        raise _refuse("its table of contents and its entries disagree")


def _checksum_check(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    read_bytes = 0
    try:
        with archive.open(entry) as content:
            while block := content.read(_BLOCK_BYTES):
                read_bytes += len(block)
                if read_bytes > entry.file_size:
                    raise _refuse("a part of it is larger than it says")
    except EngineError:
        raise
    except Exception as broken:
        raise _corrupt(f"“{entry.filename[:80]}” does not match its checksum") from broken


def file_open(path: Path) -> BinaryIO:
    """Open a plain file for reading; a link or device is refused. Raises EngineError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as refused:
        raise _refuse("it is a link or can't be opened") from refused
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refuse("it is not a plain file")
    return os.fdopen(descriptor, "rb")

"""Passwords that are known from breaches, looked up offline: a set of our own, and a file as Have I Been Pwned gives it.

`breached.bin` holds the first bytes of SHA-1 digests, sorted (scripts/breached_passwords.py makes it). The file that
DEPLOYHUB_BREACHED_PASSWORDS names holds one digest a line, `HEX:count`, sorted: some 40 GB, of which a look reads a few KB.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DIGEST_BYTES = 6
DIGEST_HEX = 40
LINE_BYTES_MAX = 100
_LINE = re.compile(rb"[0-9A-F]{40}(:\d+)?", re.IGNORECASE)


def _digest(password: str) -> bytes:
    return hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


@cache
def _built_in() -> bytes:
    return (Path(__file__).parent / "breached.bin").read_bytes()


def is_known(password: str) -> bool:
    """Whether our own set holds the password, in any case of its letters."""
    kept = _built_in()
    for word in (password, password.lower()):
        wanted, low, high = _digest(word)[:DIGEST_BYTES], 0, len(kept) // DIGEST_BYTES
        while low < high:
            middle = (low + high) // 2
            if kept[middle * DIGEST_BYTES : (middle + 1) * DIGEST_BYTES] < wanted:
                low = middle + 1
            else:
                high = middle
        if kept[low * DIGEST_BYTES : (low + 1) * DIGEST_BYTES] == wanted:
            return True
    return False


def _line_from(file: int, offset: int, size: int) -> tuple[int, bytes]:
    """Where the first line that begins at or after `offset` begins, and the line without its end."""
    if offset:
        around = os.pread(file, LINE_BYTES_MAX, offset - 1)
        cut = around.find(b"\n")
        if cut < 0:
            return size, b""
        offset += cut
    return offset, os.pread(file, LINE_BYTES_MAX, offset).split(b"\n", 1)[0].strip()


def is_in_file(password: str, path: Path) -> bool:
    """Whether the sorted file holds the password's digest."""
    wanted = _digest(password).hex().upper().encode()
    file = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(file).st_size
        low, high = 0, size
        while low < high:  # the first line whose digest is not smaller begins in low..high
            middle = (low + high) // 2
            begin, line = _line_from(file, middle, size)
            if begin < size and line[:DIGEST_HEX].upper() < wanted:
                low = begin + 1
            else:
                high = middle
        return _line_from(file, low, size)[1][:DIGEST_HEX].upper() == wanted
    finally:
        os.close(file)


def breached_file_check() -> None:
    """Raises ImproperlyConfigured where the file that the settings name is not to be used."""
    path = settings.DEPLOYHUB_BREACHED_PASSWORDS
    if path is None:
        return
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(file).st_size
            lines = [_line_from(file, size * part // 8, size)[1] for part in range(8)]
        finally:
            os.close(file)
    except OSError as error:
        raise ImproperlyConfigured(
            f"DEPLOYHUB_BREACHED_PASSWORDS names {path}, which cannot be read: {error.strerror}."
        ) from error
    told = [line for line in lines if line]
    digests = [line[:DIGEST_HEX].upper() for line in told]
    if not told or not all(map(_LINE.fullmatch, told)) or digests != sorted(digests):
        raise ImproperlyConfigured(
            f"DEPLOYHUB_BREACHED_PASSWORDS names {path}, which does not hold SHA-1 digests, one a line, sorted by digest."
        )


def is_breached(password: str) -> bool:
    path = settings.DEPLOYHUB_BREACHED_PASSWORDS
    return is_known(password) or (path is not None and is_in_file(password, path))

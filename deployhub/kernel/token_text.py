"""How an API token is written, so that scanners find it, a typing mistake shows, and nothing else looks like one.

    dh_pat_ 0197…32 hex digits… _ 43 random characters, 6 check characters

The check characters are the CRC-32 of everything before them in base 62. They are no secret and no protection: they
tell a real token from an example in a manual, and a mistyped one from a revoked one, without asking anybody.
"""

from __future__ import annotations

import re
import secrets
import string
import zlib
from collections.abc import Iterator
from enum import StrEnum
from uuid import UUID


class TokenPrefix(StrEnum):
    PERSONAL = "dh_pat_"
    SERVICE = "dh_svc_"


ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_CHARACTERS = 43
"""Base 62: 256 bits."""
CHECK_CHARACTERS = 6
"""Base 62 holds 2**32 in six digits."""
TOKEN_PATTERN = rf"\bdh_(?:pat|svc)_[0-9a-f]{{32}}_[0-9A-Za-z]{{{SECRET_CHARACTERS + CHECK_CHARACTERS}}}\b"
"""For secret scanners; docs/secret-scanning.toml holds the same."""

_TOKEN = re.compile(TOKEN_PATTERN)
_WITHOUT_CHECK = re.compile(r"\bdh_pat_[0-9a-f]{32}_[\w-]{43}(?![\w-])", re.ASCII)
"""Tokens that were made before there were check characters; they end within a year."""
_BEGINNING = re.compile(r"dh_(?:pat|svc)_[0-9a-f]{32}_")


def check_characters(text: str) -> str:
    """The six characters that follow `text`."""
    rest, written = zlib.crc32(text.encode()), ""
    for _ in range(CHECK_CHARACTERS):
        rest, digit = divmod(rest, len(ALPHABET))
        written = ALPHABET[digit] + written
    return written


def token_text_new(prefix: TokenPrefix, token_id: UUID) -> str:
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARACTERS))
    text = f"{prefix}{token_id.hex}_{secret}"
    return text + check_characters(text)


def is_token_text(text: str) -> bool:
    """Whether this is a token as they are written, check characters included."""
    fits = _TOKEN.fullmatch(text) is not None
    return fits and check_characters(text[:-CHECK_CHARACTERS]) == text[-CHECK_CHARACTERS:]


def is_mistyped(text: str) -> bool:
    """Whether this begins like a token and cannot be one: cut off, or a character is wrong."""
    if _BEGINNING.match(text) is None:
        return False
    return not is_token_text(text) and _WITHOUT_CHECK.fullmatch(text) is None


def tokens_in(text: str) -> Iterator[str]:
    """Every token that stands in a text, once each. What only looks like one is left out."""
    seen: set[str] = set()
    for pattern in (_TOKEN, _WITHOUT_CHECK):
        for match in pattern.finditer(text):
            found = match[0]
            if found not in seen and (pattern is _WITHOUT_CHECK or is_token_text(found)):
                seen.add(found)
                yield found

"""Identifiers: UUID version 7 (RFC 9562), which sort by time of creation."""

from __future__ import annotations

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A new UUIDv7; later ids sort after earlier ones, to the millisecond."""
    return uuid_utils.compat.uuid7()


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` writes, or None."""
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None

"""Events as the seal sees them, read in bulk: both databases give the same text, so the same bytes are hashed."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from django.db import connection

from deployhub.audit.sealing.form import ACTOR_PART, SEALED_COLUMNS, canonical, leaf_bytes, subject_part

_TIMES = frozenset({"at"})
_IDS = frozenset({"actor_id", "job_id", "project_id", "subject_id", "token_id"})
_FORM = tuple(sorted({*SEALED_COLUMNS, "changes", "object_label"}))
"""The keys of a sealed form, in the order of its canonical JSON."""
_FIRST = ("id", "mac", *ACTOR_PART, "personal_salt", "subject_salt")
_ACTOR, _ACTOR_SALT, _SUBJECT_SALT = slice(2, 6), 6, 7
_AT = {name: len(_FIRST) + place for place, name in enumerate(_FORM)}
_CHANGES, _LABEL, _SUBJECT_ID = _AT["changes"], _AT["object_label"], _AT["subject_id"]
_DIGEST, _SUBJECT_DIGEST, _SUBJECT_FIELDS = (
    _AT["personal_digest"], _AT["subject_digest"], _AT["subject_fields"]
)  # fmt: skip
_FORM_CHANGES, _FORM_LABEL = _FORM.index("changes"), _FORM.index("object_label")
_FORM_FROM, _FORM_TO = len(_FIRST), len(_FIRST) + len(_FORM)
# Canonical JSON written out: a full verification makes it for each event of the log, and this takes a third of the time.
_JSON = "{" + ",".join(f'"{name}":%s' for name in _FORM) + "}"
_JSON_OF_PERSON = "{" + ",".join(f'"{name}":%s' for name in _FORM if name != "object_label") + "}"
_JSON_OF_ACTOR = "{" + ",".join(f'"{name}":%s' for name in ACTOR_PART) + "}"


def _expression(name: str) -> str:
    sqlite = connection.vendor == "sqlite"
    column = f"e.{name}"
    if name in _TIMES:
        if sqlite:
            zone = f"CASE length({column}) WHEN 19 THEN '.000000+00:00' ELSE '+00:00' END"
            return f"replace({column}, ' ', 'T') || {zone}"
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"
    if name in _IDS:
        if sqlite:
            return " || '-' || ".join(
                f"substr({column}, {first}, {length})"
                for first, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            )
        return f"{column}::text"
    return f"{column}::text" if name == "changes" and not sqlite else column


@functools.cache
def _columns(vendor: str) -> str:
    return ", ".join(_expression(name) for name in (*_FIRST, *_FORM))


def columns() -> str:
    """The select list over `audit_auditevent e`, in the order that SealedRow reads."""
    return _columns(connection.vendor)


@dataclass(slots=True)
class SealedRow:
    """One event: its id, the canonical bytes of its sealed form, and its code; the raw columns behind them."""

    id: int
    sealed: bytes
    mac: str
    raw: Sequence[Any]
    changes: dict[str, Any]

    @property
    def leaf(self) -> bytes:
        return leaf_bytes(self.sealed, self.id, self.mac)

    @property
    def actor_salt(self) -> str:
        return self.raw[_ACTOR_SALT]

    @property
    def subject_salt(self) -> str:
        return self.raw[_SUBJECT_SALT]

    @property
    def actor_part(self) -> dict[str, str]:
        return dict(zip(ACTOR_PART, self.raw[_ACTOR], strict=True))

    @property
    def subject_part(self) -> dict[str, Any]:
        fields = str(self.raw[_SUBJECT_FIELDS]).split(",")
        return subject_part(self.raw[_LABEL], self.changes, [name for name in fields if name])

    def column(self, name: str) -> Any:
        return self.raw[_AT[name]]

    def personal_fault(self) -> str:
        """What is wrong with the personal parts; empty when they are as sealed, or were emptied."""
        raw = self.raw
        actor = raw[_ACTOR]
        if raw[_ACTOR_SALT]:
            part = _JSON_OF_ACTOR % tuple([_json(value) for value in actor])
            if not _fits(raw[_ACTOR_SALT], part, raw[_DIGEST]):
                return "the actor's name, address, browser or session"
        elif any(actor):
            return "the actor's name, address, browser or session"
        subject = "what it tells of the person it is about"
        if raw[_SUBJECT_ID] is None:
            return subject if raw[_SUBJECT_SALT] else ""
        if raw[_SUBJECT_SALT]:
            fits = _fits(raw[_SUBJECT_SALT], canonical(self.subject_part), raw[_SUBJECT_DIGEST])
            return "" if fits else subject
        return subject if raw[_LABEL] or self.subject_part["changes"] else ""

    @property
    def erased(self) -> bool:
        raw = self.raw
        return not raw[_ACTOR_SALT] or (raw[_SUBJECT_ID] is not None and not raw[_SUBJECT_SALT])


def _json(value: Any) -> str:
    if value.__class__ is str:
        return encode_basestring(value)
    return str(value) if value.__class__ is int else canonical(value)


def _fits(salt: str, part: str, digest: str) -> bool:
    try:
        salted = bytes.fromhex(salt) + part.encode("utf-8", "surrogatepass")
    except ValueError:
        return False
    return hashlib.sha256(salted).hexdigest() == digest


def _changes(text: Any) -> dict[str, Any]:
    """The changes as they were written. Nothing that was planted in the table may stop the sealer, so it never raises."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError):
        found = None
    return found if isinstance(found, dict) else {"unreadable": repr(text)}


def sealed_row(raw: Sequence[Any]) -> SealedRow:
    """A fetched row (`columns()`) as the seal sees it."""
    parts = [
        encode_basestring(value) if value.__class__ is str else "null" if value is None else _json(value)
        for value in raw[_FORM_FROM:_FORM_TO]
    ]
    changes: dict[str, Any] = {}
    if raw[_CHANGES] == "{}":
        parts[_FORM_CHANGES] = "{}"
    else:
        changes = _changes(raw[_CHANGES])
        kept = changes
        if raw[_SUBJECT_ID] is not None:
            personal = str(raw[_SUBJECT_FIELDS]).split(",")
            kept = {name: pair for name, pair in changes.items() if name not in personal}
        parts[_FORM_CHANGES] = canonical(kept)
    if raw[_SUBJECT_ID] is None:
        text = _JSON % tuple(parts)
    else:
        del parts[_FORM_LABEL]
        text = _JSON_OF_PERSON % tuple(parts)
    return SealedRow(raw[0], text.encode("utf-8", "surrogatepass"), str(raw[1]), raw, changes)


def rows_unsealed(*, after_id: int, limit: int) -> list[SealedRow]:
    """Committed events without a leaf, by id. An anti-join: ids commit out of order, so a watermark would lose some."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns()} FROM audit_auditevent e WHERE e.id > %s"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM audit_auditleaf l WHERE l.event_id = e.id) ORDER BY e.id LIMIT %s",
            [after_id, limit],
        )
        return [sealed_row(raw) for raw in cursor.fetchall()]


def row_of(event_id: int) -> SealedRow | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns()} FROM audit_auditevent e WHERE e.id = %s", [event_id])  # noqa: S608
        raw = cursor.fetchone()
    return None if raw is None else sealed_row(raw)


def leaves_with_rows(*, batch: int = 4_000) -> Iterator[list[tuple[Any, ...]]]:
    """Every leaf in order with its event, in batches: (position, event id, digest, *columns); columns None if gone."""
    first = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT l.position, l.event_id, l.digest, {columns()} FROM audit_auditleaf l"  # noqa: S608
                " LEFT JOIN audit_auditevent e ON e.id = l.event_id WHERE l.position >= %s"
                " ORDER BY l.position LIMIT %s",
                [first, batch],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        first = rows[-1][0] + 1

"""The sealed form of an event.

Two parts of an event speak of persons and must be erasable: the *actor's part* (name, address, browser, session) and,
where the event is about a person, the *subject's part* (label of the object, and the changes that name them). The
sealed form holds a salted digest of each in their place, so that an erased event still verifies.

    mac  = key id "." HMAC-SHA256(key outside the database, canonical JSON of the sealed form)
    leaf = {"event": sealed form, "id": row's id, "mac": mac}        (canonical JSON; RFC 6962 hashes it)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from deployhub.audit.sealing.keys import mac_key

ACTOR_PART = ("actor_name", "address", "session_id", "user_agent")
"""Columns of the actor's part, in the order of their canonical JSON."""
SUBJECT_CHANGES = frozenset(
    {"username", "name", "email", "label", "address", "last_used_address", "user_agent", "phone"}
)
"""Changes that name the person whom an event is about."""
SEALED_COLUMNS = (
    "acting_as", "action", "actor_id", "actor_kind", "at", "auth_method", "door", "job_id", "object_id", "object_type",
    "operation", "outcome", "personal_digest", "project_id", "reason", "request_id", "schema_version", "subject_digest",
    "subject_fields", "subject_id", "token_id",
)  # fmt: skip
"""Columns that are sealed as they stand. Beside them: `changes` without the subject's, and `object_label` unless it
names a person."""
SALT_BYTES = 16

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr).encode


class Sealable(Protocol):
    """An AuditEvent, or a row of its table."""

    at: datetime
    changes: dict[str, Any]
    object_label: str
    subject_id: UUID | None
    subject_fields: str
    personal_salt: str
    personal_digest: str
    subject_salt: str
    subject_digest: str
    mac: str


def storable(value: Any) -> Any:
    """`value` as both databases give it back: numbers in exponent form become text, keys become text."""
    if isinstance(value, float):
        text = repr(value)
        if "e" in text or "n" in text:  # 1e+16, 1e-07, nan, inf: jsonb would spell or refuse them
            return text
        return 0.0 if value == 0 else value
    if isinstance(value, dict):
        return {str(name): storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return time_text(value) if isinstance(value, datetime) else value


def salted_digest(salt: str, part: dict[str, Any]) -> str:
    """Hex SHA-256 over the salt's bytes and the canonical JSON of a personal part."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(part).encode("utf-8", "surrogatepass")).hexdigest()


def subject_part(label: str, changes: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {"changes": {name: changes[name] for name in fields if name in changes}, "object_label": label}


def sealed_form(event: Any) -> dict[str, Any]:
    """What mac and leaf cover: everything but the personal parts, which their digests stand for."""
    form = {name: _plain(getattr(event, name)) for name in SEALED_COLUMNS}
    if event.subject_id is None:
        form["object_label"] = event.object_label
        form["changes"] = event.changes
    else:
        personal = event.subject_fields.split(",")
        form["changes"] = {name: pair for name, pair in event.changes.items() if name not in personal}
    return form


def code_of(sealed: bytes, *, key: tuple[str, bytes] | None = None) -> str:
    """The `mac` column for a sealed form: the key's id, a dot, and the HMAC in hex."""
    key_id, secret = key or mac_key()
    return f"{key_id}.{hmac.digest(secret, sealed, 'sha256').hex()}"


def sealed_bytes(form: dict[str, Any]) -> bytes:
    return canonical(form).encode("utf-8", "surrogatepass")


def leaf_bytes(sealed: bytes, event_id: int, mac: str) -> bytes:
    """The leaf's content, itself canonical JSON: any JSON library makes the same bytes of it."""
    return b'{"event":%b,"id":%d,"mac":"%b"}' % (sealed, event_id, mac.encode())


def event_mark(event: Sealable) -> None:
    """Give an event that is about to be written its salts, digests and code."""
    event.changes = storable(event.changes)
    event.personal_salt = secrets.token_hex(SALT_BYTES)
    event.personal_digest = salted_digest(
        event.personal_salt, {name: getattr(event, name) for name in ACTOR_PART}
    )
    if event.subject_id is None:
        event.subject_salt = event.subject_digest = event.subject_fields = ""
    else:
        fields = sorted(SUBJECT_CHANGES & event.changes.keys())
        event.subject_fields = ",".join(fields)
        event.subject_salt = secrets.token_hex(SALT_BYTES)
        event.subject_digest = salted_digest(
            event.subject_salt, subject_part(event.object_label, event.changes, fields)
        )
    event.mac = code_of(sealed_bytes(sealed_form(event)))

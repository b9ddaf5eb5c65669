"""JSON lines: every column of the event, as the API names it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deployhub.audit.models import AuditEvent

COLUMNS = (
    "id", "at", "action", "operation", "outcome", "actor_kind", "actor_id", "actor_name", "acting_as", "auth_method", "door",
    "address", "user_agent", "session_id", "token_id", "request_id", "job_id", "project_id", "object_type", "object_id",
    "object_label", "changes", "reason", "schema_version",
)  # fmt: skip
"""In the order of the file's columns."""


def plain(value: Any) -> Any:
    """A column's value as JSON has it."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def row(event: AuditEvent) -> dict[str, Any]:
    return {name: plain(getattr(event, name)) for name in COLUMNS}


def line(event: AuditEvent) -> str:
    return json.dumps(row(event), ensure_ascii=False, separators=(",", ":")) + "\n"

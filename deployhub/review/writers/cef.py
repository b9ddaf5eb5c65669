"""ArcSight Common Event Format, version 0 of the format (implementation standard, revision 25).

In the header a backslash and a pipe are escaped, and no line may break. In the extension a backslash and an equals sign
are escaped, and line breaks are written as \\n and \\r. Keys hold letters and digits alone.
"""

from __future__ import annotations

import json
from ipaddress import IPv6Address, ip_address
from typing import Any

from deployhub import __version__
from deployhub.access.vocab import PERMISSIONS
from deployhub.audit.models import AuditEvent
from deployhub.audit.vocab import Operation, Outcome

LONGEST_CHARACTERS = 4_000
"""Of one value; `cs…` fields hold as much in the standard."""
_BREAKS = {"\u2028": " ", "\u2029": " ", "\x0b": " ", "\x0c": " ", "\x85": " ", "\0": ""}
_CLEAN = str.maketrans(_BREAKS)


def header_escape(text: object) -> str:
    clean = str(text).translate(_CLEAN).replace("\r", " ").replace("\n", " ")
    return clean.replace("\\", "\\\\").replace("|", "\\|")


def extension_escape(text: object) -> str:
    clean = str(text).translate(_CLEAN)[:LONGEST_CHARACTERS]
    return clean.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")


def severity(event: AuditEvent) -> int:
    """0 to 10: reads low, changes higher, refusals highest."""
    if event.outcome == Outcome.DENIED:
        return 7
    if event.outcome == Outcome.FAILED:
        return 5
    return {Operation.READ: 1, Operation.DELETE: 4}.get(event.operation, 3)  # type: ignore[call-overload]


def _address(address: str) -> dict[str, str]:
    try:
        known = ip_address(address)
    except ValueError:
        return {}
    if isinstance(known, IPv6Address):
        return {"c6a2": str(known), "c6a2Label": "Source IPv6 address"}
    return {"src": str(known)}


def line(event: AuditEvent) -> str:
    known = PERMISSIONS.get(event.action)
    header = (
        "CEF:0", "DeployHub", "DeployHub", header_escape(__version__), header_escape(event.action),
        header_escape(known.label if known else event.action), str(severity(event)),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "rt": int(event.at.timestamp() * 1000),
        "externalId": event.id,
        "act": event.action,
        "outcome": event.outcome,
        "app": event.door,
        "suser": event.actor_name,
        "suid": event.actor_id,
        **_address(event.address),
        "requestClientApplication": event.user_agent,
        "reason": event.reason,
        **_labelled("cs1", "Object type", event.object_type),
        **_labelled("cs2", "Object id", event.object_id),
        **_labelled("cs3", "Object", event.object_label),
        **_labelled("cs4", "Project id", event.project_id),
        **_labelled("cs5", "Request id", event.request_id),
        **_labelled("cs6", "Changes", json.dumps(event.changes, ensure_ascii=False) if event.changes else ""),
    }
    told = " ".join(
        f"{key}={extension_escape(value)}" for key, value in fields.items() if value not in (None, "")
    )
    return "|".join((*header, told)) + "\n"


def _labelled(key: str, label: str, value: Any) -> dict[str, Any]:
    return {f"{key}Label": label, key: value} if value not in (None, "") else {}

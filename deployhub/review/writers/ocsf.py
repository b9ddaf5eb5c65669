"""Open Cybersecurity Schema Framework, one JSON document a line.

Sign-ins are Authentication (3002), accounts and factors Account Change (3001), roles and tokens User Access Management
(3005), other changes Entity Management (3004), and reads and refusals through either door API Activity (6003).
"""

from __future__ import annotations

import json
from typing import Any

from deployhub import __version__
from deployhub.audit.models import AuditEvent
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import ActorKind
from deployhub.review.writers.json_lines import plain

OCSF_VERSION = "1.5.0"
AUTHENTICATION, ACCOUNT_CHANGE, ENTITY_MANAGEMENT, ACCESS_MANAGEMENT, API_ACTIVITY = (
    3002,
    3001,
    3004,
    3005,
    6003,
)
_CATEGORIES = {3: "Identity & Access Management", 6: "Application Activity"}
_CLASSES = {
    AUTHENTICATION: "Authentication", ACCOUNT_CHANGE: "Account Change", ENTITY_MANAGEMENT: "Entity Management",
    ACCESS_MANAGEMENT: "User Access Management", API_ACTIVITY: "API Activity",
}  # fmt: skip
_CRUD = {Operation.CREATE: 1, Operation.READ: 2, Operation.UPDATE: 3, Operation.DELETE: 4}
_ACCOUNT = {
    "user.create": 1, "user.activate": 2, "account.password": 3, "user.reset": 4, "user.deactivate": 5, "person.erase": 6,
    "mfa.enrol": 10, "mfa.remove": 11,
}  # fmt: skip
_ACCESS = {"membership.grant": 1, "membership.revoke": 2}
_SIGN = {"account.sign_in": 1, "account.prove": 1, "account.sign_out": 2}
OTHER = 99


def class_of(event: AuditEvent) -> tuple[int, int]:
    """Class and activity of an event."""
    if event.action in _SIGN:
        return AUTHENTICATION, _SIGN[event.action]
    if event.action in _ACCOUNT:
        return ACCOUNT_CHANGE, _ACCOUNT[event.action]
    if event.action in _ACCESS:
        return ACCESS_MANAGEMENT, _ACCESS[event.action]
    activity = _CRUD.get(event.operation, OTHER)  # type: ignore[call-overload]
    if event.operation in (Operation.READ, Operation.EVENT) or not event.object_type:
        return API_ACTIVITY, activity
    return ENTITY_MANAGEMENT, activity


def _user(event: AuditEvent) -> dict[str, Any]:
    uid = str(event.actor_id or event.actor_kind)
    kinds = {ActorKind.USER: 1, ActorKind.SYSTEM: 3, ActorKind.SERVICE: 4}
    return {
        "name": event.actor_name,
        "uid": uid,
        "type_id": kinds.get(event.actor_kind, 0),  # type: ignore[call-overload]
        "account": {"name": event.actor_name, "uid": uid, "type_id": OTHER, "type": "DeployHub"},
    }


def document(event: AuditEvent) -> dict[str, Any]:
    """The event as a document of the schema; what has no place in it is under `unmapped`."""
    class_uid, activity = class_of(event)
    success = event.outcome == Outcome.SUCCESS
    found: dict[str, Any] = {
        "category_uid": class_uid // 1000,
        "category_name": _CATEGORIES[class_uid // 1000],
        "class_uid": class_uid,
        "class_name": _CLASSES[class_uid],
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "time": int(event.at.timestamp() * 1000),
        "severity_id": 1 if success else 3 if event.outcome == Outcome.DENIED else 2,
        "status_id": 1 if success else 2,
        "status": "Success" if success else "Failure",
        "status_detail": event.reason or event.outcome,
        "message": str(event),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": str(event.id),
            "event_code": event.action,
            "correlation_uid": event.request_id or None,
            "product": {"name": "DeployHub", "vendor_name": "DeployHub", "version": __version__},
        },
        "actor": {"user": _user(event), "session": {"uid": event.session_id} if event.session_id else None},
        "src_endpoint": {"ip": event.address} if event.address else {"name": "this host"},
        "unmapped": {
            "door": event.door, "acting_as": event.acting_as or None, "token_id": plain(event.token_id),
            "job_id": plain(event.job_id), "project_id": plain(event.project_id), "changes": event.changes,
        },
    }  # fmt: skip
    if event.user_agent:
        found["http_request"] = {"user_agent": event.user_agent}
    if class_uid == API_ACTIVITY:
        found["api"] = {
            "operation": event.action,
            "service": {"name": "DeployHub", "uid": "deployhub", "version": __version__},
        }
        if event.object_id:
            found["resources"] = [_resource(event)]
    elif class_uid == ENTITY_MANAGEMENT:
        found["entity"] = _resource(event)
    elif class_uid == AUTHENTICATION:
        found["user"] = _user(event)
        found["auth_protocol"] = event.auth_method or "Other"
    else:
        found["user"] = {"name": event.object_label, "uid": event.object_id, "type_id": 1}
        found["privileges"] = [event.action]
    return found


def _resource(event: AuditEvent) -> dict[str, Any]:
    return {"type": event.object_type, "uid": event.object_id, "name": event.object_label}


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(inner) for key, inner in value.items() if inner is not None}
    return value


def line(event: AuditEvent) -> str:
    return json.dumps(_told(document(event)), ensure_ascii=False, separators=(",", ":")) + "\n"

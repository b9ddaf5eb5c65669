"""The one policy. Default is refuse.

A project that the actor may not see does not exist for them (404); a verb that their role lacks is 403, and so at
both doors. Every refusal is written to the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from deployhub.access import step_up
from deployhub.access.models import CustomRole, Membership, not_ended
from deployhub.access.vocab import (
    ADMINISTRATOR_PERMISSIONS,
    AUDITOR_PERMISSIONS,
    PERMISSIONS,
    PREVIEW_PERMITTED,
    ROLE_PERMISSIONS,
    Reach,
    Role,
)
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor, Preview
from deployhub.kernel.errors import Forbidden, NotAuthenticated, NotFound

Row = TypeVar("Row", bound=Model)
NOTHING = "There is nothing here, or you have no access to it."


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person may do in one project, by which role, until when."""

    role: str
    label: str
    permissions: frozenset[str]
    expires_at: datetime | None = None
    is_custom: bool = False


def grant_of(membership: Membership) -> Grant:
    return Grant(
        membership.role_key,
        membership.role_label,
        membership.permissions,
        membership.expires_at,
        membership.custom_role_id is not None,
    )


def roles_of(actor: Actor) -> dict[UUID, Grant]:
    """The actor's grants by project id; read once for each request. An ended membership is none."""
    if actor.user_id is None:
        return {}
    known = actor.cache.get("roles")
    if known is None:
        rows = Membership.objects.filter(
            not_ended(), user_id=actor.user_id, project__archived_at=None
        ).select_related("custom_role")
        known = {row.project_id: grant_of(row) for row in rows}
        if actor.preview is not None:
            known = _previewed(actor.preview, known)
        actor.cache["roles"] = known
    return known  # type: ignore[return-value]


def _previewed(preview: Preview, own: dict[UUID, Grant]) -> dict[UUID, Grant]:
    """One project, as the role would see it, and never more than what the person holds there now."""
    held = own.get(preview.project_id)
    permissions = (
        ADMINISTRATOR_PERMISSIONS if preview.by_administrator else held.permissions if held else None
    )
    shown = role_find(preview.project_id, preview.role)
    if permissions is None or shown is None:
        return {}
    return {preview.project_id: replace(shown, permissions=shown.permissions & permissions)}


def role_find(project_id: UUID, key: str) -> Grant | None:
    """A role by its key, as it would be granted in the project; None when there is none."""
    if key in Role.values:
        return Grant(key, Role(key).label, ROLE_PERMISSIONS[key])
    row = CustomRole.objects.filter(project_id=project_id, slug=key).first()
    return Grant(row.slug, row.name, frozenset(row.permissions), is_custom=True) if row is not None else None


def held_in(actor: Actor, project_id: UUID) -> frozenset[str]:
    """Every permission that the person holds in the project: what they may hand on at most, whatever token they use."""
    if actor.is_system:
        return frozenset(PERMISSIONS)
    own = roles_of(actor).get(project_id)
    held = own.permissions if own is not None else frozenset()
    return held | ADMINISTRATOR_PERMISSIONS if actor.is_administrator else held


def roles_forget(actor: Actor) -> None:
    """Read the roles anew: a membership changed within this request."""
    actor.cache.pop("roles", None)


def _project_of(obj: Any) -> UUID | None:
    return getattr(obj, "policy_project_id", None)


def _token_allows(actor: Actor, permission: str, project_id: UUID | None) -> bool:
    if actor.token_permissions is None:
        return True
    if permission not in actor.token_permissions:
        return False
    return actor.token_project_ids is None or project_id is None or project_id in actor.token_project_ids


def can(actor: Actor, permission: str, obj: Any = None) -> bool:
    """Whether the actor may do this to `obj`. Without `obj`, whether there is anything they may do it to."""
    known = PERMISSIONS.get(permission)
    if known is None:
        return False
    if actor.is_system:
        return True
    if actor.is_anonymous or actor.user_id is None:
        return False
    project_id = _project_of(obj) if obj is not None else None
    if not _token_allows(actor, permission, project_id):
        return False
    if known.reach is Reach.ANYONE:
        return True
    if known.reach is Reach.SELF:
        return obj is None or getattr(obj, "policy_owner_id", None) == actor.user_id
    if known.reach is Reach.INSTANCE and actor.token_project_ids is not None:
        return False  # a token that was made for some projects ends at them
    if actor.is_administrator and permission in ADMINISTRATOR_PERMISSIONS:
        return True
    if actor.is_auditor and permission in AUDITOR_PERMISSIONS:
        return True
    if known.reach is Reach.INSTANCE:
        return False
    roles = roles_of(actor)
    if obj is None:
        return any(permission in grant.permissions for grant in roles.values())
    return project_id is not None and project_id in roles and permission in roles[project_id].permissions


def _can_see(actor: Actor, obj: Any) -> bool:
    project_id = _project_of(obj)
    if project_id is None:
        return (
            getattr(obj, "policy_owner_id", None) == actor.user_id
            or actor.is_administrator
            or actor.is_auditor
        )
    if actor.token_project_ids is not None and project_id not in actor.token_project_ids:
        return False
    return actor.is_administrator or actor.is_auditor or project_id in roles_of(actor)


def _step_up_require(actor: Actor, permission: str, obj: Any) -> None:
    refused = step_up.refusal(actor, permission)
    if refused is None:
        return
    event_record(
        actor,
        permission,
        obj if hasattr(obj, "audit_type") else None,
        operation=Operation.EVENT,
        outcome=Outcome.DENIED,
        reason=f"allowed, but no fresh second factor ({refused.code})",
    )
    raise refused


def require(actor: Actor, permission: str, obj: Any = None) -> None:
    """Raise NotAuthenticated, NotFound or Forbidden unless the actor may; write the refusal to the log.

    Raises StepUpRequired for somebody who may, where the permission is dangerous and their proof is not fresh.
    """
    if can(actor, permission, obj):
        return _step_up_require(actor, permission, obj)
    label = PERMISSIONS[permission].label if permission in PERMISSIONS else permission
    event_record(
        actor,
        permission,
        obj if hasattr(obj, "audit_type") else None,
        operation=Operation.EVENT,
        outcome=Outcome.DENIED,
        reason="not allowed by policy",
    )
    if actor.is_anonymous:
        raise NotAuthenticated(
            "Sign in to go on.", hint="With the API, send a token: Authorization: Bearer dh_pat_…"
        )
    if obj is not None and not _can_see(actor, obj):
        raise NotFound(NOTHING)
    if actor.token_permissions is not None and permission not in actor.token_permissions:
        raise Forbidden(
            f"This token does not carry the permission to: {label.lower()}.",
            hint="Create a token with the scope that covers it on your account page.",
            extra={"permission": permission},
        )
    raise Forbidden(
        f"Your role does not allow you to: {label.lower()}.",
        hint="Ask an owner of the project, or an administrator, for a role that does.",
        extra={"permission": permission},
    )


def require_not_previewing(actor: Actor, permission: str, obj: Any = None) -> None:
    """Raise Forbidden while the actor views as a role: a preview shows, and changes nothing."""
    if not actor.acting_as or permission in PREVIEW_PERMITTED:
        return
    event_record(
        actor,
        permission,
        obj if hasattr(obj, "audit_type") else None,
        operation=Operation.EVENT,
        outcome=Outcome.DENIED,
        reason="viewing as a role",
    )
    raise Forbidden(
        f"You are viewing as {actor.acting_as}, so nothing can be changed.",
        hint="Stop viewing as a role first.",
        code="previewing",
    )


def visible(
    actor: Actor, permission: str, queryset: QuerySet, *, project_path: str = "project_id"
) -> QuerySet:
    """The rows of `queryset` to which the actor may do this; none for a stranger."""
    if actor.is_system:
        return queryset
    if actor.is_anonymous or permission not in PERMISSIONS:
        return queryset.none()
    if actor.token_permissions is not None:
        if permission not in actor.token_permissions:
            return queryset.none()
        if actor.token_project_ids is not None:
            queryset = queryset.filter(**{f"{project_path}__in": list(actor.token_project_ids)})
    if (actor.is_administrator and permission in ADMINISTRATOR_PERMISSIONS) or (
        actor.is_auditor and permission in AUDITOR_PERMISSIONS
    ):
        return queryset
    allowed = [p for p, grant in roles_of(actor).items() if permission in grant.permissions]
    if len(allowed) == 1:
        return queryset.filter(**{project_path: allowed[0]})
    return queryset.filter(**{f"{project_path}__in": allowed})


def one(rows: QuerySet[Row], **lookup: Any) -> Row:
    """The one of the rows that the actor may see; NotFound, in the same words, for what is not there or not theirs."""
    row = rows.filter(**lookup).first()
    if row is None:
        raise NotFound(NOTHING)
    return row

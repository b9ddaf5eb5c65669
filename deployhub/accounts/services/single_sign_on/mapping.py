"""Roles by group: set at each sign-in to what the provider says now. What was given by hand is never touched."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from deployhub.access.models import Membership
from deployhub.access.vocab import ROLE_PERMISSIONS, Role
from deployhub.accounts.models import GroupMapping, IdentityProvider, MappedRole, User
from deployhub.accounts.vocab import GlobalRole
from deployhub.audit.scope import audit_scope, event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor

Place = UUID | str
"""Where a role holds: a project by its id, the instance by the role's own name."""

FIELDS = {GlobalRole.ADMINISTRATOR.value: "is_administrator", GlobalRole.AUDITOR.value: "is_auditor"}


def _place(row: GroupMapping | MappedRole) -> Place:
    return row.project_id or row.role


def _wanted(provider: IdentityProvider, groups: frozenset[str]) -> dict[Place, GroupMapping]:
    """What the groups give: in each project the mapped role that holds most."""
    wanted: dict[Place, GroupMapping] = {}
    for mapping in provider.mappings.select_related("project").order_by("pk"):
        if mapping.group not in groups or (mapping.project and mapping.project.archived_at):
            continue
        best = wanted.get(_place(mapping))
        if best is None or len(ROLE_PERMISSIONS.get(mapping.role, ())) > len(
            ROLE_PERMISSIONS.get(best.role, ())
        ):
            wanted[_place(mapping)] = mapping
    return wanted


def mapped_roles_set(*, actor: Actor, provider: IdentityProvider, user: User, groups: frozenset[str]) -> None:
    """Give what the groups give and take what they gave before and give no longer. Each change is an event."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two sign-ins of one person take turns
        user.refresh_from_db()
        wanted = _wanted(provider, groups)
        held = {_place(row): row for row in MappedRole.objects.filter(provider=provider, user=user)}
        for place, row in held.items():
            if place not in wanted:
                _withdraw(actor, provider, user, row)
        for place, mapping in wanted.items():
            _give(actor, provider, user, mapping, held.get(place))


def _reason(provider: IdentityProvider, group: str) -> str:
    return f"group {group} of provider {provider.name}"


def _give(
    actor: Actor, provider: IdentityProvider, user: User, mapping: GroupMapping, held: MappedRole | None
) -> None:
    reason = _reason(provider, mapping.group)
    if mapping.project_id is None:
        if not getattr(user, FIELDS[mapping.role]):
            _global_set(actor, user, mapping.role, True, reason)
            _note(actor, provider, user, mapping, held, reason)
        return
    _project_lock(mapping.project_id)
    membership = Membership.objects.filter(project_id=mapping.project_id, user=user).first()
    if membership is not None and not membership.has_ended:
        if held is None or membership.role != held.role:
            _forget(actor, held, reason)  # by hand, or changed by hand since
            return
        if membership.role == mapping.role:
            return
        if membership.role == Role.OWNER and _is_last_owner(membership):
            _kept(
                actor, user, "membership.grant", f"{reason}; the last owner of {membership.project} stays one"
            )
            return
    with audit_scope(actor, "membership.grant", reason=reason):
        membership = membership or Membership(project=mapping.project, user=user)
        membership.role, membership.custom_role, membership.expires_at = mapping.role, None, None
        membership.save()
    _note(actor, provider, user, mapping, held, reason)


def _withdraw(actor: Actor, provider: IdentityProvider, user: User, row: MappedRole) -> None:
    reason = f"{_reason(provider, row.group)} gives it no longer"
    if row.project_id is None:
        if getattr(user, FIELDS[row.role]):
            if row.role == GlobalRole.ADMINISTRATOR and _is_last_administrator(user):
                _kept(actor, user, "user.update", f"{reason}; the last administrator stays one")
                return
            _global_set(actor, user, row.role, False, reason)
    else:
        _project_lock(row.project_id)
        membership = Membership.objects.filter(project_id=row.project_id, user=user, role=row.role).first()
        if membership is not None:
            if membership.role == Role.OWNER and _is_last_owner(membership):
                _kept(
                    actor, user, "membership.revoke", f"{reason}; the last owner of {row.project} stays one"
                )
                return
            with audit_scope(actor, "membership.revoke", reason=reason):
                membership.delete()
    _forget(actor, row, reason)


def _global_set(actor: Actor, user: User, role: str, holds: bool, reason: str) -> None:
    with audit_scope(actor, "user.update", reason=reason):
        setattr(user, FIELDS[role], holds)
        user.sessions_end()  # who they are to DeployHub changed
        user.save(update_fields=[FIELDS[role], "session_stamp"])


def _note(
    actor: Actor,
    provider: IdentityProvider,
    user: User,
    mapping: GroupMapping,
    held: MappedRole | None,
    reason: str,
) -> None:
    with audit_scope(actor, "identity.map", reason=reason):
        row = held or MappedRole(provider=provider, user=user)
        row.group, row.role, row.project = mapping.group, mapping.role, mapping.project
        row.save()


def _forget(actor: Actor, held: MappedRole | None, reason: str) -> None:
    if held is not None:
        with audit_scope(actor, "identity.map", reason=reason):
            held.delete()


def _kept(actor: Actor, user: User, action: str, reason: str) -> None:
    event_record(actor, action, user, operation=Operation.EVENT, outcome=Outcome.DENIED, reason=reason)


def _project_lock(project_id: UUID) -> None:
    """The project's row is the lock, as where owners change members by hand."""
    projects = Membership._meta.get_field("project").related_model
    projects._default_manager.select_for_update().get(pk=project_id)  # type: ignore[union-attr]


def _is_last_owner(membership: Membership) -> bool:
    others = Membership.objects.filter(
        project_id=membership.project_id, role=Role.OWNER, expires_at=None, user__is_active=True
    )
    return not others.exclude(pk=membership.pk).exists()


def _is_last_administrator(user: User) -> bool:
    active = User.objects.select_for_update().filter(is_active=True, is_administrator=True).order_by("pk")
    return not [other for other in active if other.pk != user.pk]

"""Members of a project, and until when. Nobody gives or takes a role that holds more than their own."""

from __future__ import annotations

from datetime import datetime, timedelta

from deployhub.access import policy
from deployhub.access.models import CustomRole, Membership
from deployhub.access.vocab import CUSTOM, PERMISSIONS, Role
from deployhub.accounts.models import User
from deployhub.audit.scope import system_scope, touch
from deployhub.kernel.actor import Actor, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.registry.models import Project
from deployhub.registry.vocab import ACCESS_DAYS_MAX
from deployhub.usecase import usecase


@usecase("membership.grant", on="project")
def membership_grant(
    *, actor: Actor, project: Project, username: str, role: str, days: int | None = None
) -> Membership:
    """Add a person to the project, or change their role. The last owner stays one.

    `days` from now the membership ends by itself; 0 takes the end away; None keeps what there is.
    """
    user = User.objects.filter(username__iexact=username.strip(), is_active=True).first()
    if user is None or not machine_may_join(actor, project, user):
        sentence = f"There is no active account named {username.strip()[:60]}."
        raise InvalidInput(
            sentence,
            hint="Check the name; an administrator can create the account.",
            errors={"username": [sentence]},
        )
    return member_set(actor, project, user, role, days=days)


def member_set(actor: Actor, project: Project, user: User, role: str, *, days: int | None) -> Membership:
    """Write the membership, within a use case. Raises Forbidden where it would be above the actor's own role."""
    # The project's row is the lock: two owners who demote each other must not leave it without one.
    Project.objects.select_for_update().get(pk=project.pk)
    name, custom = _role_named(project, role)
    if user.is_service and name == Role.OWNER:
        sentence = "A service account cannot own a project."
        raise InvalidInput(sentence, errors={"role": [sentence]})
    membership = Membership.objects.select_related("custom_role").filter(project=project, user=user).first()
    fresh = membership is None or membership.has_ended
    if membership is None:
        membership = Membership(project=project, user=user)
    before = frozenset() if fresh else membership.permissions
    was_lasting_owner = not fresh and membership.role == Role.OWNER and membership.expires_at is None
    membership.role, membership.custom_role = name, custom
    membership.expires_at = _end_of(days, None if fresh else membership.expires_at)
    within_own_demand(actor, project, before | membership.permissions)
    if was_lasting_owner and (name != Role.OWNER or membership.expires_at is not None):
        owner_left_check(project, membership)
    membership.save()
    touch(membership)
    policy.roles_forget(actor)
    return membership


@usecase("membership.revoke", on="membership")
def membership_revoke(*, actor: Actor, membership: Membership) -> None:
    """Take a person out of the project. The last owner cannot leave."""
    Project.objects.select_for_update().get(pk=membership.project_id)
    if membership.user_id != actor.user_id and not membership.has_ended:
        within_own_demand(actor, membership.project, membership.permissions)
    if membership.role == Role.OWNER:
        owner_left_check(membership.project, membership)
    membership.delete()
    policy.roles_forget(actor)


def memberships_sweep() -> int:
    """Take away the memberships that have ended, and tell the log. The policy stopped heeding them at their end."""
    ended = list(Membership.objects.filter(expires_at__lte=utc_now()).select_related("user", "project"))
    if ended:
        with system_scope("the membership has ended", action="membership.expire", door=Door.WORKER):
            for membership in ended:
                membership.delete()
    return len(ended)


def machine_may_join(actor: Actor, project: Project, user: User) -> bool:
    """A service account works in its own project; into another only an administrator lets it, because the owners of
    its own make its tokens."""
    return not user.is_service or actor.is_administrator or user.service.project_id == project.pk


def within_own_demand(actor: Actor, project: Project, permissions: frozenset[str]) -> None:
    """Raise Forbidden when `permissions` hold something that the actor does not."""
    above = permissions - policy.held_in(actor, project.pk)
    if above:
        raise Forbidden(
            f"This role may do what yours may not: {', '.join(sorted(PERMISSIONS[c].label.lower() for c in above))}.",
            hint="Nobody gives, changes or takes a role that holds more than their own. Ask an owner.",
            code="above_own_role",
        )


def owner_left_check(project: Project, leaving: Membership) -> None:
    """Raise Conflict when nobody would be left who owns the project without an end."""
    others = Membership.objects.filter(project=project, role=Role.OWNER, expires_at=None).exclude(
        pk=leaving.pk
    )
    if not others.exists():
        raise Conflict(
            f"{leaving.user.display_name} is the last owner of {project.name}.",
            hint="Make somebody else an owner, without an end, first.",
            code="last_owner",
        )


def _role_named(project: Project, key: str) -> tuple[str, CustomRole | None]:
    if key in Role.values:
        return key, None
    custom = CustomRole.objects.filter(project=project, slug=key).first()
    if custom is None:
        raise InvalidInput("There is no such role.", errors={"role": ["Choose a role from the list."]})
    return CUSTOM, custom


def _end_of(days: int | None, present: datetime | None) -> datetime | None:
    if days is None:
        return present
    if not 0 <= days <= ACCESS_DAYS_MAX:
        sentence = f"Say 1 to {ACCESS_DAYS_MAX} days, or 0 for no end."
        raise InvalidInput(sentence, errors={"days": [sentence]})
    return utc_now() + timedelta(days=days) if days else None

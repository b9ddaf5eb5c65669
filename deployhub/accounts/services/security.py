"""The security policy: what the installation demands of everybody who signs in."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from deployhub.accounts.models import SecurityPolicy, User
from deployhub.accounts.models.security_policy import ROLES_OF_DEMAND
from deployhub.accounts.selectors import mfa_affected
from deployhub.audit.scope import system_scope, touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import InvalidInput
from deployhub.usecase import usecase

FIRST_DEMAND = ("administrator", "auditor")
"""A fresh installation demands a second factor of those who reach over all projects, within the days of grace."""


def security_policy_begin() -> None:
    """The policy of a fresh installation."""
    with system_scope("first start", action="security.update"):
        policy = SecurityPolicy.current()
        policy.mfa_required_roles = list(FIRST_DEMAND)
        policy.save()


@usecase("security.update")
def security_update(
    *,
    actor: Actor,
    mfa_required_for_all: bool | None = None,
    mfa_required_roles: Sequence[str] | None = None,
    mfa_grace_days: int | None = None,
    step_up_minutes: int | None = None,
    session_idle_minutes: int | None = None,
    session_absolute_hours: int | None = None,
) -> SecurityPolicy:
    """Change what is given; it acts on the next request. For those who now fall under a demand the days begin."""
    policy = SecurityPolicy.current()
    if mfa_required_roles is not None:
        known = [role for role, _ in ROLES_OF_DEMAND]
        if set(mfa_required_roles) - set(known):
            raise InvalidInput(
                "There is no such role.", errors={"mfa_required_roles": ["Choose from the list."]}
            )
        policy.mfa_required_roles = [role for role in known if role in mfa_required_roles]
    plain = {
        "mfa_required_for_all": mfa_required_for_all,
        "mfa_grace_days": mfa_grace_days,
        "step_up_minutes": step_up_minutes,
        "session_idle_minutes": session_idle_minutes,
        "session_absolute_hours": session_absolute_hours,
    }
    for field, value in plain.items():
        if value is not None:
            setattr(policy, field, value)
    try:
        policy.clean_fields(exclude=["mfa_required_roles"])
    except ValidationError as error:
        raise InvalidInput("Some of the input is not valid.", errors=error.message_dict) from error
    policy.save()
    touch(policy)
    affected = mfa_affected(for_all=policy.mfa_required_for_all, roles=policy.mfa_required_roles)
    fresh = affected.filter(has_second_factor=False, mfa_demanded_at=None).values("pk")
    User.objects.filter(pk__in=fresh).unaudited_update(mfa_demanded_at=utc_now())
    return policy

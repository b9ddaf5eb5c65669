"""All reads of the accounts floor, scoped to the actor."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.step_up import StepUpTerms
from deployhub.accounts.models import ApiToken, RecoveryCode, SecurityPolicy, TotpDevice, User
from deployhub.audit.scope import event_record
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import NotFound

NOTHING = "There is nothing here, or you have no access to it."


def _own_id(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise NotFound(NOTHING)
    return actor.user_id


def second_factor_is_on(user_id: UUID) -> bool:
    return TotpDevice.objects.filter(user_id=user_id, confirmed=True).exists()


def mfa_is_demanded(actor: Actor) -> bool:
    """Whether the security policy demands a second factor of this person, for themselves or for a role they have."""
    demands = SecurityPolicy.current()
    if demands.mfa_required_for_all:
        return True
    roles = set(demands.mfa_required_roles)
    if not roles:
        return False
    if (actor.is_administrator and "administrator" in roles) or (actor.is_auditor and "auditor" in roles):
        return True
    return bool(roles & set(policy.roles_of(actor).values()))


def step_up_terms(actor: Actor) -> StepUpTerms:
    """How fresh a second factor must be, and whether this person has to set one up first."""
    must_enrol = (
        actor.user_id is not None and mfa_is_demanded(actor) and not second_factor_is_on(actor.user_id)
    )
    return StepUpTerms(minutes=SecurityPolicy.current().step_up_minutes, must_enrol=must_enrol)


def account_get(actor: Actor) -> User:
    """The actor's own account."""
    user = User.objects.filter(pk=actor.user_id).first()
    if user is None:
        raise NotFound(NOTHING)
    return user


def memberships_own(actor: Actor) -> QuerySet[Membership]:
    """The actor's roles, with the projects they hold in."""
    return (
        Membership.objects.filter(user_id=_own_id(actor), project__archived_at=None)
        .select_related("project")
        .order_by("project__name")
    )


def totp_devices_own(actor: Actor) -> QuerySet[TotpDevice]:
    return TotpDevice.objects.filter(user_id=_own_id(actor))


def totp_device_get(actor: Actor, device_id: UUID) -> TotpDevice:
    device = totp_devices_own(actor).select_related("user").filter(pk=device_id).first()
    if device is None:
        raise NotFound(NOTHING)
    return device


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """Which kinds of second factor a person can show."""

    has_app: bool
    has_recovery_code: bool

    @property
    def has_any(self) -> bool:
        return self.has_app


def second_factors_own(actor: Actor) -> SecondFactors:
    return SecondFactors(
        has_app=totp_devices_own(actor).filter(confirmed=True).exists(),
        has_recovery_code=recovery_codes_left(actor) > 0,
    )


def recovery_codes_left(actor: Actor) -> int:
    return RecoveryCode.objects.filter(user_id=_own_id(actor), used_at=None).count()


def tokens_visible(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own tokens; nobody sees anybody else's."""
    if not policy.can(actor, "token.view"):
        return ApiToken.objects.none()
    return ApiToken.objects.filter(user_id=_own_id(actor))


def tokens_of_person(actor: Actor, user: User) -> QuerySet[ApiToken]:
    """Somebody's tokens, for who may waive the step-up of one."""
    if not policy.can(actor, "token.waive_step_up"):
        return ApiToken.objects.none()
    return ApiToken.objects.filter(user=user).order_by("-id")


def token_of_person_get(actor: Actor, user_id: UUID, token_id: UUID) -> ApiToken:
    token = tokens_of_person(actor, user_get(actor, user_id)).filter(pk=token_id).first()
    if token is None:
        raise NotFound(NOTHING)
    return token


def token_get(actor: Actor, token_id: UUID) -> ApiToken:
    token = tokens_visible(actor).filter(pk=token_id).first()
    if token is None:
        raise NotFound(NOTHING)
    return token


def users_visible(actor: Actor) -> QuerySet[User]:
    """All accounts for administrators and auditors, none for others; each with `has_second_factor`."""
    if not policy.can(actor, "user.view"):
        return User.objects.none()
    confirmed = TotpDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    return User.objects.annotate(has_second_factor=Exists(confirmed))


def users_read(actor: Actor) -> QuerySet[User]:
    """The list of accounts, and a record that it was read."""
    event_record(actor, "user.view")
    return users_visible(actor)


def user_get(actor: Actor, user_id: UUID) -> User:
    user = users_visible(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound(NOTHING)
    return user


def user_read(actor: Actor, user_id: UUID) -> User:
    """One account, and a record that it was read."""
    user = user_get(actor, user_id)
    event_record(actor, "user.view", user)
    return user


def user_memberships(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).select_related("project").order_by("project__name")

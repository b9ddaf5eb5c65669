"""All reads of the accounts floor, scoped to the actor."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.accounts.models import ApiToken, RecoveryCode, TotpDevice, User
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


def recovery_codes_left(actor: Actor) -> int:
    return RecoveryCode.objects.filter(user_id=_own_id(actor), used_at=None).count()


def tokens_visible(actor: Actor) -> QuerySet[ApiToken]:
    """The actor's own tokens; nobody sees anybody else's."""
    if not policy.can(actor, "token.view"):
        return ApiToken.objects.none()
    return ApiToken.objects.filter(user_id=_own_id(actor))


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

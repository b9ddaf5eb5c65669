"""Reads of the resets of second factors."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.accounts.models import MfaReset
from deployhub.accounts.selectors import account_get
from deployhub.accounts.vocab import MFA_RESET_LIFE, ResetState
from deployhub.audit.scope import event_record
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now


def _waiting() -> QuerySet[MfaReset]:
    return MfaReset.objects.filter(
        state=ResetState.WAITING, created_at__gt=utc_now() - MFA_RESET_LIFE
    ).select_related("user", "requested_by")


def mfa_resets_visible(actor: Actor) -> QuerySet[MfaReset]:
    """All of them for who may see accounts."""
    if not policy.can(actor, "user.view"):
        return MfaReset.objects.none()
    return MfaReset.objects.select_related("user", "requested_by", "decided_by")


def mfa_resets_read(actor: Actor) -> QuerySet[MfaReset]:
    """The list, and a record that it was read."""
    event_record(actor, "user.view")
    return mfa_resets_visible(actor)


def mfa_reset_get(actor: Actor, reset_id: UUID) -> MfaReset:
    return policy.one(mfa_resets_visible(actor), pk=reset_id)


def mfa_reset_own_get(actor: Actor, reset_id: UUID) -> MfaReset:
    """A reset of one's own second factor."""
    return policy.one(MfaReset.objects.filter(user=account_get(actor)), pk=reset_id)


def mfa_reset_of(user_id: UUID) -> MfaReset | None:
    """The reset of this person's second factor that waits now, if one does."""
    return _waiting().filter(user_id=user_id).first()


def mfa_resets_decidable(actor: Actor) -> QuerySet[MfaReset]:
    """Those that wait for this administrator: neither asked for by them nor about them."""
    if not policy.can(actor, "mfa.reset_confirm"):
        return MfaReset.objects.none()
    me = account_get(actor)
    return _waiting().exclude(requested_by=me).exclude(user=me)


def mfa_resets_waiting_count(actor: Actor) -> int:
    """How many wait, for the badge of the list."""
    return _waiting().count() if policy.can(actor, "user.view") else 0

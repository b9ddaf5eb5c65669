"""The reset of a second factor: one administrator asks, a second one confirms within a day.

A lost phone is the story that whoever wants into somebody's account tells. So nobody resets a factor alone, the person
is told at once, and they can stop it as long as they have their factor.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from deployhub.access.duties import require_other_than
from deployhub.accounts.models import MfaReset, Passkey, RecoveryCode, TotpDevice, User
from deployhub.accounts.selectors import second_factor_is_on
from deployhub.accounts.services.attempts import attempts_forget_account
from deployhub.accounts.services.letters import letter_send
from deployhub.accounts.services.passwords import one_time_password
from deployhub.accounts.services.token_ends import tokens_end
from deployhub.accounts.services.users import not_oneself_demand, person_demand
from deployhub.accounts.vocab import MFA_RESET_LIFE, ResetState
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.usecase import usecase


@usecase("mfa.reset_request", on="user")
def mfa_reset_request(*, actor: Actor, user: User, reason: str) -> MfaReset:
    """Ask that somebody's second factor is reset. Nothing changes yet; the person is told."""
    person_demand(user)
    not_oneself_demand(actor, user)
    if not reason.strip():
        sentence = "Say why, and how you know that it is this person who asks."
        raise InvalidInput(sentence, errors={"reason": [sentence]})
    if not user.is_active:
        raise Conflict("This account is not active.", hint="Activate it first.")
    if not second_factor_is_on(user.pk):
        raise Conflict(
            "This person has no second factor, so there is none to reset.", hint="Reset the password alone."
        )
    User.objects.select_for_update().get(pk=user.pk)
    waiting = MfaReset.objects.filter(user=user, state=ResetState.WAITING)
    waiting.filter(created_at__lte=_oldest()).update(state=ResetState.LAPSED)
    if waiting.exists():
        raise Conflict(
            "A reset of this person’s second factor waits already.",
            hint="Another administrator confirms it, or somebody declines it.",
        )
    reset = MfaReset.objects.create(
        user=user, requested_by_id=actor.user_id, reason=reason.strip(), state=ResetState.WAITING
    )
    text = (
        f"{actor.name} asked that the second factor of your account {user.username} is reset.\n"
        f"Reason: {reset.reason}\n\nWhen another administrator confirms it within 24 hours, your second factors and "
        "recovery codes are removed, your sessions end, and you get a one-time password from them.\n\n"
        "If you did not ask for this: sign in, open Account, Second factor, and stop it. Then tell an administrator.\n"
    )
    transaction.on_commit(
        lambda: letter_send(to=user.email, subject="reset of your second factor", text=text) and None
    )
    return reset


@usecase("mfa.reset_confirm", on="reset")
def mfa_reset_confirm(*, actor: Actor, reset: MfaReset) -> tuple[User, str]:
    """Reset it: never by who asked, never by the person concerned. Returns the person and a one-time password."""
    require_other_than(
        actor,
        [reset.requested_by_id, reset.user_id],
        sentence="Somebody else than who asked, and than the person concerned, confirms this.",
        hint="Ask another administrator. Where there is none, see Operations for the command on the server.",
    )
    _decide(reset, actor, ResetState.CONFIRMED)
    user = User.objects.get(pk=reset.user_id)
    if not user.is_active:
        raise Conflict("This account is not active.", hint="Activate it first.")
    return user, factors_strip(user)


@usecase("mfa.reset_decline", on="reset")
def mfa_reset_decline(*, actor: Actor, reset: MfaReset) -> MfaReset:
    """Say no to it; who asked takes it back by the same."""
    withdrawn = actor.user_id == reset.requested_by_id
    return _decide(reset, actor, ResetState.WITHDRAWN if withdrawn else ResetState.DECLINED)


@usecase("mfa.reset_stop", on="reset")
def mfa_reset_stop(*, actor: Actor, reset: MfaReset) -> MfaReset:
    """The person concerned has their factor, and did not ask for this."""
    return _decide(reset, actor, ResetState.STOPPED)


def mfa_reset_at_console(*, username: str, reason: str, operating_user: str) -> tuple[User, str]:
    """For an installation whose administrators cannot help each other. Returns the person and a one-time password.

    Whoever may run commands on the server can read its database and keys anyway; what they do here is in the log.
    """
    user = User.objects.filter(username__iexact=username).first()
    if user is None or user.is_service:
        raise InvalidInput(f"There is no person with the account name {username}.")
    if not user.is_active:
        raise Conflict("This account is not active.", hint="An administrator activates it first.")
    said = f"on the server’s console, as {operating_user}" + (f": {reason}" if reason else "")
    with system_scope(said, action="mfa.reset"):
        MfaReset.objects.filter(user=user, state=ResetState.WAITING).update(
            state=ResetState.CONFIRMED, decided_at=utc_now()
        )
        return user, factors_strip(user)


def factors_strip(user: User) -> str:
    """Within a use case: take every second factor, session and token. Returns the one-time password."""
    password = one_time_password()
    TotpDevice.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    user.sessions_end()
    tokens_end(user)
    user.one_time_password_set(password)
    user.save(update_fields=["password", "must_change_password", "one_time_since", "session_stamp"])
    User.objects.filter(pk=user.pk).unaudited_update(mfa_demanded_at=None)
    attempts_forget_account(user.username, user.pk)
    return password


def _oldest() -> datetime:
    return utc_now() - MFA_RESET_LIFE


def _decide(reset: MfaReset, actor: Actor, state: ResetState) -> MfaReset:
    """Move a reset that waits and is not older than a day; of two who decide at once, one does."""
    waiting = MfaReset.objects.filter(pk=reset.pk, state=ResetState.WAITING, created_at__gt=_oldest())
    if not waiting.compare_and_set(state=state, decided_by_id=actor.user_id, decided_at=utc_now()):
        reset.refresh_from_db()
        over = reset.shown_state == ResetState.LAPSED
        raise Conflict(
            "Nobody confirmed it within 24 hours, so it does not hold any more."
            if over
            else "This reset does not wait any more.",
            hint="Ask for it again." if over else "Reload the page.",
            code="already_decided",
        )
    reset.refresh_from_db()
    return reset

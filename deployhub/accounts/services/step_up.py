"""Step-up: show a second factor again, so that dangerous actions are open for some minutes."""

from __future__ import annotations

import time

from django.http import HttpRequest

from deployhub.accounts.models import User
from deployhub.accounts.selectors import second_factor_is_on
from deployhub.accounts.services.attempts import attempt_begin, attempts_forget, attempts_key
from deployhub.accounts.services.ceremonies import Purpose, assertion_verify
from deployhub.accounts.services.second_factor import recovery_code_use, totp_verify
from deployhub.accounts.vocab import Factor
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.doors.vocab import SESSION_SECOND_FACTOR_AT
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import InvalidInput, RateLimited

_WRONG = {
    Factor.PASSKEY: InvalidInput("This passkey was not accepted.", hint="Try again, or use another way."),
    Factor.PASSWORD: InvalidInput("This is not your password.", hint="Try again."),
    Factor.TOTP: InvalidInput("This code is not right.", hint="Each code works once; wait for the next one."),
    Factor.RECOVERY_CODE: InvalidInput(
        "This recovery code is not right, or was used.", hint="Try another of your codes."
    ),
}


def freshness_stamp(request: HttpRequest, shown_at: float | None = None) -> None:
    """Note in the session when a proof was shown: just now, unless told otherwise."""
    request.session[SESSION_SECOND_FACTOR_AT] = time.time() if shown_at is None else shown_at


def _event(actor: Actor, user: User, factor: Factor, outcome: Outcome, reason: str = "") -> None:
    event_record(
        actor,
        "mfa.step_up",
        user,
        operation=Operation.EVENT,
        outcome=outcome,
        reason=reason,
        facts={"factor": [None, factor.value]},
    )


def step_up_begin(*, actor: Actor, user: User, factor: Factor) -> str:
    """Count an attempt before it is judged, beside those of the sign-in: it is the same guessing. Returns its key."""
    key = attempts_key("second factor", user.pk)
    try:
        attempt_begin(key)
    except RateLimited:
        _event(actor, user, factor, Outcome.FAILED, "too many failed second factors")
        raise
    return key


def step_up_end(request: HttpRequest, *, actor: Actor, user: User, factor: Factor, key: str) -> None:
    """The proof was right: record it, and then open what needs it. The session goes on under a new key."""
    attempts_forget(key)
    _event(actor, user, factor, Outcome.SUCCESS)
    request.session.cycle_key()
    freshness_stamp(request)


def step_up_refuse(*, actor: Actor, user: User, factor: Factor, reason: str) -> None:
    """The proof was wrong: record it."""
    _event(actor, user, factor, Outcome.FAILED, reason)


def step_up_show(request: HttpRequest, *, actor: Actor, user: User, factor: Factor, shown: str) -> None:
    """Check what was shown. A password does only for who has nothing stronger. Raises InvalidInput, RateLimited."""
    key = step_up_begin(actor=actor, user=user, factor=factor)
    if factor is Factor.TOTP:
        right = totp_verify(user=user, code=shown, address=actor.address) is not None
    elif factor is Factor.PASSKEY:
        passkey = assertion_verify(request, actor=actor, purpose=Purpose.STEP_UP, answer=shown, user=user)
        right = passkey is not None
    elif factor is Factor.RECOVERY_CODE:
        right = recovery_code_use(actor=actor, user=user, code=shown)
    else:
        right = not second_factor_is_on(user.pk) and user.check_password(shown)
    if not right:
        step_up_refuse(actor=actor, user=user, factor=factor, reason="wrong")
        raise _WRONG[factor]
    step_up_end(request, actor=actor, user=user, factor=factor, key=key)

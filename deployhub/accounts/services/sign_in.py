"""Signing in. A session is signed in here and nowhere else, and only when every factor was shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth import SESSION_KEY, authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django_otp import login as otp_login

from deployhub.accounts.models import TotpDevice, User, UserSession
from deployhub.accounts.selectors import second_factor_is_on
from deployhub.accounts.selectors.sessions import failures_since
from deployhub.accounts.services.attempts import (
    address_attempt_begin,
    address_key,
    attempt_begin,
    attempt_give_back,
    attempts_forget,
    attempts_key,
    sign_in_attempt_begin,
    sign_in_attempt_succeeded,
)
from deployhub.accounts.services.ceremonies import Purpose, assertion_verify
from deployhub.accounts.services.second_factor import recovery_code_use, totp_verify
from deployhub.accounts.services.sessions import session_row_create, session_row_end
from deployhub.accounts.services.step_up import freshness_stamp
from deployhub.accounts.vocab import SECOND_STEP_TIME, SESSION_PENDING, WITH_SECOND_FACTOR, Factor
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.doors.middleware import actor_of_session
from deployhub.doors.vocab import SESSION_FACTOR
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import InvalidInput, RateLimited

KNOWN_ADDRESS = timedelta(days=30)
"""So long an address counts as known to a person who signed in from it."""
BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """Who has shown the password, or came from a provider, and has not yet shown the second factor."""

    user: User
    next_address: str
    by_provider: bool


def sign_in_refuse(actor: Actor, *, username: str, user: User | None, reason: str) -> None:
    """Write a failed sign-in to the log."""
    event_record(
        actor,
        "account.sign_in",
        user,
        operation=Operation.EVENT,
        outcome=Outcome.FAILED,
        reason=reason,
        facts={"username": [None, username[:60]]},
    )


def password_step(
    request: HttpRequest, *, actor: Actor, username: str, password: str, next_address: str
) -> bool:
    """Check name and password. True: signed in. False: the second factor is still to be shown.

    An unknown name takes as long as a wrong password, and is told in the same words. Raises InvalidInput, RateLimited.
    """
    user = User.objects.filter(username__iexact=username).first()
    try:
        known_address = UserSession.objects.filter(
            user__username__iexact=username, address=actor.address, created_at__gt=utc_now() - KNOWN_ADDRESS
        )
        sign_in_attempt_begin(
            username=username, address=actor.address, is_known_address=known_address.exists()
        )
    except RateLimited:
        sign_in_refuse(actor, username=username, user=user, reason="too many failed attempts")
        raise
    known = authenticate(request, username=username, password=password)
    if not isinstance(known, User):
        sign_in_refuse(actor, username=username, user=user, reason="wrong name or password, or not active")
        raise InvalidInput("Name or password is wrong.", hint="Check both, then try again.")
    if known.one_time_password_is_over:
        sign_in_refuse(actor, username=username, user=user, reason="one-time password, not used in time")
        raise InvalidInput(
            "This one-time password was not used in time, and opens nothing any more.",
            hint="Ask an administrator for a new one.",
        )
    sign_in_attempt_succeeded(username=username, address=actor.address)
    return first_step_done(request, user=known, factor=Factor.PASSWORD, next_address=next_address)


def first_step_done(
    request: HttpRequest, *, user: User, factor: Factor, next_address: str, shown_at: float | None = None
) -> bool:
    """Somebody showed who they are, by password or by a provider. True: signed in. False: the second step is to come.

    `factor` tells whether the first step was two factors in one; `shown_at` when it was shown, if not just now.
    """
    if factor not in WITH_SECOND_FACTOR and second_factor_is_on(user.pk):
        request.session.flush()  # a fresh key: nothing that was here before the first step counts
        request.session[SESSION_PENDING] = {
            "user_id": str(user.pk),
            "at": utc_now().isoformat(),
            "proof": user.get_session_auth_hash(),
            "next": next_address,
            "first": factor.value,
        }
        return False
    session_begin(request, user=user, factor=factor, shown_at=shown_at)
    return True


def pending_sign_in(request: HttpRequest) -> PendingSignIn | None:
    """The password step that waits for its second factor, if it is fresh and the account is still as it was."""
    kept = request.session.get(SESSION_PENDING)
    if kept is None:
        return None
    user = User.objects.filter(pk=kept["user_id"], is_active=True).first()
    fresh = utc_now() - datetime.fromisoformat(kept["at"]) <= SECOND_STEP_TIME
    if user is None or not fresh or not constant_time_compare(kept["proof"], user.get_session_auth_hash()):
        del request.session[SESSION_PENDING]
        return None
    return PendingSignIn(user=user, next_address=kept["next"], by_provider=kept.get("first") == Factor.OIDC)


def second_step(
    request: HttpRequest, *, actor: Actor, pending: PendingSignIn, code: str, factor: Factor
) -> None:
    """Check the code and sign in. Raises InvalidInput, RateLimited."""
    user = pending.user
    key = attempts_key("second factor", user.pk)
    try:
        address_attempt_begin(actor.address)
        attempt_begin(key)
    except RateLimited:
        sign_in_refuse(actor, username=user.username, user=user, reason="too many failed second factors")
        raise
    device: TotpDevice | None = None
    if factor is Factor.TOTP:
        device = totp_verify(user=user, code=code, address=actor.address)
        right = device is not None
    elif factor is Factor.PASSKEY:
        shown = assertion_verify(request, actor=actor, purpose=Purpose.SECOND_STEP, answer=code, user=user)
        right = shown is not None
    else:
        right = recovery_code_use(actor=actor, user=user, code=code)
    if not right:
        sign_in_refuse(actor, username=user.username, user=user, reason=f"wrong second factor ({factor})")
        if factor is Factor.TOTP:
            raise InvalidInput("This code is not right.", hint="Each code works once; wait for the next one.")
        if factor is Factor.PASSKEY:
            raise InvalidInput("This passkey was not accepted.", hint="Try again, or use another way.")
        raise InvalidInput("This recovery code is not right, or was used.", hint="Try another of your codes.")
    attempts_forget(key)
    attempt_give_back(address_key(actor.address))
    session_begin(request, user=user, factor=factor, device=device)


def passkey_sign_in(request: HttpRequest, *, actor: Actor, answer: str) -> None:
    """Sign in by a passkey alone: the device asked for a PIN, a finger or a face, so it is two factors in one.

    Raises InvalidInput, RateLimited; neither tells whether the account exists.
    """
    address_attempt_begin(actor.address)
    shown = assertion_verify(request, actor=actor, purpose=Purpose.SIGN_IN, answer=answer, user=None)
    if shown is None:
        sign_in_refuse(actor, username="", user=None, reason="wrong or unknown passkey")
        raise InvalidInput(
            "This passkey was not accepted.", hint="It may have been removed. Sign in by name and password."
        )
    attempt_give_back(address_key(actor.address))
    session_begin(request, user=shown.user, factor=Factor.PASSKEY)


def session_begin(
    request: HttpRequest,
    *,
    user: User,
    factor: Factor,
    device: TotpDevice | None = None,
    shown_at: float | None = None,
) -> None:
    """Sign the session in under a new key and record it; a sign-in that cannot be recorded does not happen.

    `shown_at`: when the factor was shown (a provider may have asked hours ago); None for just now.

    A service account has no way to come as far as this; the last door is shut to it all the same.
    """
    if user.is_service:
        raise InvalidInput("Name or password is wrong.", hint="Check both, then try again.")
    request.session.pop(SESSION_PENDING, None)
    request.session.pop(SESSION_KEY, None)
    failures = failures_since(user, user.last_login)
    login(request, user, backend=BACKEND)
    request.session[SESSION_FACTOR] = factor.value
    freshness_stamp(request, shown_at)
    if device is not None:
        otp_login(request, device)
    try:
        with transaction.atomic():
            session_row_create(request, actor=actor_of_session(request), user=user, factor=factor.value)
            event_record(
                actor_of_session(request),
                "account.sign_in",
                user,
                operation=Operation.EVENT,
                facts={"factor": [None, factor.value]},
            )
    except BaseException:
        request.session.flush()
        raise
    if failures:
        messages.warning(request, failures, fail_silently=True)


def session_end(request: HttpRequest, *, actor: Actor) -> None:
    """Sign out and record it. The session ends even where that fails: nobody is kept signed in by a full disk."""
    user = request.user
    try:
        if isinstance(user, User):
            event_record(actor, "account.sign_out", user, operation=Operation.EVENT)
            if actor.session_id:
                session_row_end(actor=actor, session_id=actor.session_id)
    finally:
        logout(request)

"""First steps, and a second look: what a signed-in session may do before it may do anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import ceil

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.accounts.models import SecurityPolicy, User
from deployhub.accounts.selectors import mfa_grace_left, second_factor_is_on
from deployhub.accounts.services.sessions import (
    session_expire,
    session_overdue,
    session_rebind,
    session_row_of,
    session_seen,
)
from deployhub.accounts.vocab import WITH_SECOND_FACTOR
from deployhub.doors.faces import error_respond
from deployhub.doors.middleware import actor_of_session
from deployhub.doors.vocab import SESSION_FACTOR
from deployhub.kernel.errors import Forbidden, MfaRequired

_ENROLMENT = "/account/mfa/"
_OPEN_WITHOUT = ("accounts:step-up", "accounts:step-up-again", "accounts:sign-out")
_OPEN_BEGINNINGS = ("/account/step-up/with/", "/sign-in/with/")
"""What somebody may still do whose days of grace are over, beside setting up a second factor."""


def mfa_overdue() -> MfaRequired:
    return MfaRequired(
        "A second factor is demanded of you, and the days to set one up are over.",
        hint="Sign in at the browser and set one up; it takes two minutes.",
    )


_FIRST_STEPS = ("accounts:password", "accounts:password-strength", "accounts:sign-out")


def password_change_required() -> Forbidden:
    return Forbidden(
        "Choose your own password first.",
        hint="Sign in at the browser; you are asked for it there.",
        code="password_change_required",
    )


class SessionLifeMiddleware:
    """A signed-in session counts while its row says so: not revoked, not idle too long, not too old.

    A session without a row was not begun by a sign-in (services/sign_in.py), so it is none. A page that polls by
    itself keeps nobody signed in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/static/") or not request.user.is_authenticated:
            return self.get_response(request)
        row = session_row_of(request)
        if row is None:
            logout(request)
            return self.get_response(request)
        why = session_overdue(row, SecurityPolicy.current())
        if why is not None:
            session_expire(request, actor=request.actor, row=row, why=why)  # type: ignore[attr-defined]
            request.actor = actor_of_session(request)  # type: ignore[attr-defined]
            messages.info(request, f"Your session ended: {why.label.lower()}. Sign in again.")
            return self.get_response(request)
        if not request.headers.get("HX-Target", "").startswith("live-"):
            session_seen(request, row)
        response = self.get_response(request)
        session_rebind(request, row)
        return response


class FirstStepsMiddleware:
    """Who signed in with a one-time password sets their own before anything else.

    Who owes a second factor longer than the security policy grants does nothing but set one up.
    And a session that was signed in without the second factor of somebody who has one is ended, whatever made it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if request.path.startswith("/static/") or not user.is_authenticated:
            return self.get_response(request)
        if user.is_service:
            logout(request)  # a machine comes in by token alone, whatever made this session
            return self.get_response(request)
        with_second_factor = request.session.get(SESSION_FACTOR) in WITH_SECOND_FACTOR
        if not with_second_factor and second_factor_is_on(user.pk):
            logout(request)
            return self.get_response(request)
        if user.must_change_password:
            own = tuple(map(reverse, _FIRST_STEPS))
            if request.path.startswith("/api/"):
                if not request.headers.get("Authorization", "").lower().startswith("bearer "):
                    return error_respond(request, password_change_required())
            elif request.path not in own:
                return HttpResponseRedirect(own[0])
            return self.get_response(request)
        if not with_second_factor:
            return self._enrolment_demand(request, user)
        return self.get_response(request)

    def _enrolment_demand(self, request: HttpRequest, user: User) -> HttpResponse:
        """The security policy's demand for a second factor: a banner first, then a wall."""
        left = mfa_grace_left(request.actor, user)  # type: ignore[attr-defined]
        if left is None:
            return self.get_response(request)
        request.mfa_days_left = max(0, ceil(left / timedelta(days=1)))  # type: ignore[attr-defined]
        if left > timedelta(0):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            if not request.headers.get("Authorization", "").lower().startswith("bearer "):
                return error_respond(request, mfa_overdue())
        elif not request.path.startswith((_ENROLMENT, *_OPEN_BEGINNINGS)) and request.path not in map(
            reverse, _OPEN_WITHOUT
        ):
            return error_respond(request, mfa_overdue())
        return self.get_response(request)

"""First steps, and a second look: what a signed-in session may do before it may do anything."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.accounts.selectors import second_factor_is_on
from deployhub.accounts.vocab import Factor
from deployhub.doors.faces import error_respond
from deployhub.doors.vocab import SESSION_FACTOR
from deployhub.kernel.errors import Forbidden

_WITH_SECOND_FACTOR = (Factor.TOTP, Factor.RECOVERY_CODE)


def password_change_required() -> Forbidden:
    return Forbidden(
        "Choose your own password first.",
        hint="Sign in at the browser; you are asked for it there.",
        code="password_change_required",
    )


class FirstStepsMiddleware:
    """Who signed in with a one-time password sets their own before anything else.

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
        if request.session.get(SESSION_FACTOR) not in _WITH_SECOND_FACTOR and second_factor_is_on(user.pk):
            logout(request)
            return self.get_response(request)
        if user.must_change_password:
            own = (reverse("accounts:password"), reverse("accounts:sign-out"))
            if request.path.startswith("/api/"):
                if not request.headers.get("Authorization", "").lower().startswith("bearer "):
                    return error_respond(request, password_change_required())
            elif request.path not in own:
                return HttpResponseRedirect(own[0])
        return self.get_response(request)

"""First steps: who signed in with a one-time password sets their own before anything else."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


class FirstStepsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.must_change_password and not request.path.startswith("/static/"):
            own = (reverse("accounts:password"), reverse("accounts:sign-out"))
            if request.path not in own and not request.path.startswith("/api/"):
                return HttpResponseRedirect(own[0])
        return self.get_response(request)

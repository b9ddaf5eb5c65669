"""Every request gets an id and an actor; every error gets a face."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.doors.faces import error_face
from deployhub.doors.vocab import SESSION_FACTOR, SESSION_PREVIEW, SESSION_ROW, SESSION_SECOND_FACTOR_AT
from deployhub.kernel.actor import ANONYMOUS, Actor, ActorKind, Door, Preview
from deployhub.kernel.errors import DeployHubError
from deployhub.kernel.ids import new_id

Next = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


def client_address(request: HttpRequest) -> str:
    """The client's address; X-Forwarded-For counts only behind as many proxies as the settings name."""
    proxies = settings.DEPLOYHUB_PROXY_COUNT
    if proxies:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= proxies:
            return hops[-proxies]
    return str(request.META.get("REMOTE_ADDR") or "")


def actor_of_session(request: HttpRequest) -> Actor:
    """The actor of a browser request."""
    user = request.user
    door = Door.API if request.path.startswith("/api/") else Door.BROWSER
    common: dict[str, Any] = {
        "door": door,
        "address": client_address(request),
        "user_agent": request.headers.get("User-Agent", ""),
        "request_id": getattr(request, "request_id", ""),
    }
    if not user.is_authenticated:
        return Actor(kind=ActorKind.ANONYMOUS, name=ANONYMOUS.name, **common)
    shown_at = request.session.get(SESSION_SECOND_FACTOR_AT)
    preview = request.session.get(SESSION_PREVIEW)
    if preview:
        common["acting_as"] = preview["called"]
        common["preview"] = Preview(
            UUID(preview["project"]), preview["role"], user.is_administrator, user.is_auditor
        )
    return Actor(
        kind=ActorKind.USER,
        name=user.audit_label(),
        user_id=user.pk,
        is_administrator=user.is_administrator and not preview,
        is_auditor=user.is_auditor and not preview,
        auth_method=request.session.get(SESSION_FACTOR, ""),
        second_factor_at=None if shown_at is None else datetime.fromtimestamp(shown_at, UTC),
        session_id=request.session.get(SESSION_ROW, ""),
        **common,
    )


def _missing_record(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """What somebody asked for and did not find may be somebody else's: it stands in the log like a refusal.

    So who feels their way through ids is seen (review/rules/refusal_burst.py), though each answer tells them nothing.
    """
    match = request.resolver_match
    if match is None or not match.kwargs or request.actor.is_anonymous:  # type: ignore[attr-defined]
        return response
    try:
        event_record(
            request.actor,  # type: ignore[attr-defined]
            "object.missing",
            operation=Operation.EVENT,
            outcome=Outcome.DENIED,
            reason="not there, or not theirs",
            facts={"address": [None, request.path[:300]]},
        )
    except DeployHubError as error:
        return error_face(request, error) or response
    return response


class RequestMiddleware:
    """Sets `request.request_id` and `request.actor`, and answers with X-Request-Id."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-Id", "")
        request.request_id = sent if _REQUEST_ID.match(sent) else new_id().hex  # type: ignore[attr-defined]
        request.actor = SimpleLazyObject(lambda: actor_of_session(request))  # type: ignore[attr-defined]
        response = self.get_response(request)
        if response.status_code == 404:
            response = _missing_record(request, response)
        response.headers["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return error_face(request, error)

"""How an error looks: a page for people, problem+json (RFC 9457) for programs. No stack trace reaches anybody."""

from __future__ import annotations

import errno
import json
import logging
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from deployhub.doors.step_up import step_up_ask
from deployhub.kernel.actor import ANONYMOUS
from deployhub.kernel.errors import (
    DeployHubError,
    Forbidden,
    InvalidInput,
    MfaRequired,
    NotAuthenticated,
    NotFound,
    StepUpRequired,
    StorageFull,
    TooLarge,
    Unavailable,
)

log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 10


class Defect(DeployHubError):
    status = 500
    code = "defect"
    title = "DeployHub itself failed"


def error_translate(error: BaseException) -> DeployHubError | None:
    """The error in our words, or None when it is one that nobody foresaw."""
    if isinstance(error, DeployHubError):
        return error
    if isinstance(error, Http404):
        return NotFound("There is nothing here, or you have no access to it.")
    if isinstance(error, PermissionDenied):
        return Forbidden(str(error) or Forbidden.title)
    if isinstance(error, RequestDataTooBig):
        return TooLarge("The request is larger than what is accepted.", hint="Send large files as an upload.")
    if isinstance(error, SuspiciousOperation | BadRequest):
        return InvalidInput("The request is malformed.")
    if isinstance(error, OperationalError) and "disk is full" in str(error):
        return StorageFull(
            "The disk of the database is full, so nothing was saved.", hint="Free space, then try again."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(
            "The disk is full, so nothing was saved.", hint="Free space on the server, then try again."
        )
    if isinstance(error, OperationalError | InterfaceError):
        return Unavailable(
            "The database does not answer.", hint="Wait a moment and try again; nothing was changed."
        )
    return None


def problem_body(request: HttpRequest, error: DeployHubError) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"/docs/errors/#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": getattr(request, "request_id", ""),
    }
    if error.hint:
        body["hint"] = error.hint
    if error.errors:
        body["errors"] = error.errors
    body.update(error.extra)
    if isinstance(error, StepUpRequired) and request.actor.token_id is None:  # type: ignore[attr-defined]
        body["step_up"] = reverse("accounts:step-up")
    return body


def _headers(error: DeployHubError) -> dict[str, str]:
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="DeployHub"'
    if error.status in (429, 503):
        headers["Retry-After"] = str(error.extra.get("retry_after_s", RETRY_AFTER_SECONDS))
    return headers


def wants_problem(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") and not request.path.startswith("/api/docs")


def _as_nobody(request: HttpRequest) -> None:
    """Draw the page without its navigation: who asks and what they may see is what the database can't tell now.

    Each such question would wait for the database anew, and its failure would leave the page without a face.
    """
    request.user = AnonymousUser()
    request.actor = ANONYMOUS  # type: ignore[attr-defined]


def _lead(request: HttpRequest, target: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)


def error_respond(request: HttpRequest, error: DeployHubError) -> HttpResponse:
    if wants_problem(request):
        return HttpResponse(
            json.dumps(problem_body(request, error)),
            status=error.status,
            content_type="application/problem+json",
            headers=_headers(error),
        )
    if isinstance(error, NotAuthenticated):
        return _lead(request, f"{reverse('accounts:sign-in')}?{urlencode({'next': request.get_full_path()})}")
    if isinstance(error, StepUpRequired):
        return step_up_ask(request)
    if isinstance(error, MfaRequired):
        return _lead(request, reverse("accounts:mfa"))
    if request.headers.get("HX-Request"):
        # A fragment cannot become a whole error page: say it in a toast and leave the page as it is.
        toast = {"toast": {"tone": "danger", "title": error.detail, "text": error.hint}}
        return HttpResponse(
            status=error.status,
            headers={"HX-Reswap": "none", "HX-Trigger": json.dumps(toast), **_headers(error)},
        )
    if error.status == Unavailable.status:
        _as_nobody(request)
    response = render(request, "errors/error.html", {"error": error}, status=error.status)
    for name, value in _headers(error).items():
        response.headers[name] = value
    return response


def error_face(request: HttpRequest, error: BaseException) -> HttpResponse | None:
    """The response for an error that a view raised; None lets Django log it and call `server_error`."""
    known = error_translate(error)
    if known is None:
        return None
    if isinstance(error, DatabaseError | OSError):
        log.error("%s %s: %s", request.method, request.path, error)
    return error_respond(request, known)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_respond(request, error_translate(exception) or InvalidInput("The request is malformed."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_respond(request, error_translate(exception) or Forbidden())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_respond(
        request,
        Forbidden(
            "This form is too old or came from elsewhere.",
            hint="Reload the page and send it again.",
            code="csrf",
        ),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_respond(request, NotFound("There is nothing here, or you have no access to it."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Also the face of what failed before any view ran: the session store without a database, say."""
    import sys

    known = error_translate(error) if (error := sys.exc_info()[1]) is not None else None
    if known is not None:
        return error_respond(request, known)
    return error_respond(
        request,
        Defect(
            "Something went wrong that should not have.",
            hint="The server's log has the details under this request id. Trying again may help.",
        ),
    )

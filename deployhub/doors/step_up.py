"""How the doors ask for a step-up, and how nothing that was typed is lost by it.

A page leads to the step-up page and back. A form that was sent waits in the session meanwhile, for minutes, and is sent
again after the step-up. Never kept: files, and forms with a password or a code in them; who sent one is led back to it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from deployhub.doors.vocab import SESSION_STEP_UP_FORM

FORM_KEPT_SECONDS = 600
FORM_BYTES_MAX = 64 * 1024
_NOT_KEPT = ("password", "secret", "code", "proof", "again", "credential")
"""A form with a field whose name holds one of these words is not kept."""
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class KeptForm:
    address: str
    fields: list[tuple[str, str]]


def safe_address(request: HttpRequest, address: str) -> str:
    """`address` as a path of this site, else the dashboard."""
    if url_has_allowed_host_and_scheme(address, {request.get_host()}):
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if path.startswith("/") and not path.startswith("//"):
            return path
    return "/"


def _came_from(request: HttpRequest) -> str:
    """The page on which the form or the fragment was."""
    came = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    return safe_address(request, came) if came else "/"


def _form_keep(request: HttpRequest) -> bool:
    """Keep the sent form for after the step-up, if it may be kept."""
    if request.method != "POST" or request.content_type not in _FORM_TYPES or request.FILES:
        return False
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    if any(word in name.lower() for name, _ in fields for word in _NOT_KEPT):
        return False
    if sum(len(name) + len(value) for name, value in fields) > FORM_BYTES_MAX:
        return False
    request.session[SESSION_STEP_UP_FORM] = {
        "address": request.get_full_path(),
        "fields": [list(pair) for pair in fields],
        "at": time.time(),
    }
    return True


def kept_form_take(request: HttpRequest) -> KeptForm | None:
    """The form that waits for the step-up; it is handed out once, and not after ten minutes."""
    kept = request.session.pop(SESSION_STEP_UP_FORM, None)
    if kept is None or not 0 <= time.time() - kept["at"] <= FORM_KEPT_SECONDS:
        return None
    return KeptForm(address=kept["address"], fields=[(name, value) for name, value in kept["fields"]])


def step_up_ask(request: HttpRequest) -> HttpResponse:
    """Lead to the step-up page; from there back to what was wanted."""
    fragment = bool(request.headers.get("HX-Request"))
    request.session.pop(SESSION_STEP_UP_FORM, None)
    query: dict[str, str] = {}
    if request.method in ("GET", "HEAD") and not fragment:
        query["next"] = request.get_full_path()
    else:
        query["next"] = _came_from(request)
        if not fragment and _form_keep(request):
            query["again"] = "1"
    target = f"{reverse('accounts:step-up')}?{urlencode(query)}"
    if fragment:
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)

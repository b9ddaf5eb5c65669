"""What every answer carries, and what no request gets through with, whatever view it asks for."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from deployhub.certificates.reading import is_loopback
from deployhub.doors.faces import csrf_failure, error_respond
from deployhub.kernel.errors import DeployHubError

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
SAFE_METHODS = METHODS[:3]
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "geolocation",
        "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip
"""No page asks for any of it. Passkeys and the clipboard stay as browsers allow them to a page of ours."""

ALWAYS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
BARE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
"""For what is no page: a static file, an early refusal, an answer of the API."""


class MethodRefused(DeployHubError):
    status = 405
    code = "method_not_allowed"
    title = "This address does not answer to this method"


class TlsRequired(DeployHubError):
    """The API is not redirected to TLS: that would hide from a program that it sends its token in clear."""

    status = 403
    code = "tls_required"
    title = "The API answers over TLS only"


class HeadersMiddleware:
    """The outermost middleware: also static files, and what another middleware answers, come through here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._complete(request, self._refused(request) or self.get_response(request))

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        if request.method not in METHODS:
            # TRACE and CONNECT among them; no view should ever have to think of them.
            refusal = MethodRefused(f"DeployHub answers to {', '.join(METHODS)}.")
            return HttpResponse(
                f"{refusal.detail}\n",
                status=405,
                content_type="text/plain",
                headers={"Allow": ", ".join(METHODS)},
            )
        if settings.SECURE_SSL_REDIRECT and request.path.startswith("/api/v1/") and not request.is_secure():
            return error_respond(
                request,
                TlsRequired(
                    "This request came unencrypted, and its token with it.",
                    hint="Use the https:// address, and replace the token if the network is not yours.",
                ),
            )
        return None

    def _complete(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        headers = response.headers
        for name, value in ALWAYS.items():
            headers.setdefault(name, value)
        is_page = headers.get("Content-Type", "").startswith("text/html")
        if not is_page and "sandbox" not in headers.get("Content-Security-Policy", ""):
            headers["Content-Security-Policy"] = BARE_POLICY
        is_static = request.path.startswith(settings.STATIC_URL) and response.status_code < 400
        if not is_static:
            headers.setdefault("Cache-Control", "no-store")
        if "Strict-Transport-Security" in headers and is_loopback(
            request.META.get("HTTP_HOST", "").rsplit(":", 1)[0]
        ):
            # A year of TLS for everything that any program ever serves on localhost is not ours to demand.
            del headers["Strict-Transport-Security"]
        return response


class CrossSiteMiddleware:
    """A browser says by itself when a write was started by another site; the CSRF token is the first line, not this.

    Requests with a bearer token carry no ambient right that another site could borrow.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.method not in SAFE_METHODS
            and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
            and not request.headers.get("Authorization", "").lower().startswith("bearer ")
        ):
            return csrf_failure(request)
        return self.get_response(request)

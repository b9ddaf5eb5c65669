"""Asking a provider: over TLS, without following redirects, within bounds of time and size."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from deployhub.kernel.errors import InvalidInput, Unavailable

WAIT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
BYTES_MAX = 512 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SignOnFailed(InvalidInput):
    """The provider, or a check of what it said, stands in the way. `reason` is for the audit log."""

    code = "single_sign_on_failed"
    title = "Single sign-on did not work"

    def __init__(self, detail: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(detail, hint=hint or "Start again from the sign-in page.")
        self.reason = reason or detail


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or not in a form that can be used."""

    code = "identity_provider_unavailable"
    title = "The identity provider cannot be reached"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The identity provider does not answer as it should.",
            hint="Try again in a minute. An administrator can test the connection at Single sign-on.",
        )
        self.reason = reason


def address_is_safe(address: str) -> bool:
    """https with a host and without a user in it; plain http on this machine alone."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment or any(c.isspace() for c in address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def answer_fetch(
    address: str,
    *,
    form: dict[str, str] | None = None,
    credentials: tuple[str, str] | None = None,
    bearer: str = "",
) -> tuple[int, Any]:
    """Status and JSON of one answer; None for what is no JSON. With `form` it is a POST. Raises ProviderUnavailable."""
    if not address_is_safe(address):
        raise ProviderUnavailable("an address of the provider is not https")
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    ends = time.monotonic() + TOTAL_SECONDS
    body = bytearray()
    try:
        with (
            httpx.Client(timeout=WAIT_SECONDS, follow_redirects=False) as client,
            client.stream(
                "GET" if form is None else "POST",
                address,
                headers=headers,
                data=form,
                auth=httpx.BasicAuth(*credentials) if credentials else None,
            ) as answer,
        ):
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > BYTES_MAX or time.monotonic() > ends:
                    raise ProviderUnavailable("an answer was too long or too slow")
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderUnavailable(f"no answer: {type(error).__name__}") from error
    try:
        return status, json.loads(body)
    except (ValueError, RecursionError):
        return status, None


def object_fetch(address: str, **how: Any) -> dict[str, Any]:
    """The JSON object at an address. Raises ProviderUnavailable for anything else."""
    status, told = answer_fetch(address, **how)
    if status != 200 or not isinstance(told, dict):
        raise ProviderUnavailable(f"the answer was no JSON object (status {status})")
    return told

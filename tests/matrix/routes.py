"""Every address of DeployHub, read from the URL resolver: what the matrix walks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver

from deployhub.doors.api import ApiViewSet
from deployhub.doors.pages import Page

PUBLIC = {
    "accounts:sign-in": "the way in",
    "accounts:sign-in-verify": "its second step",
    "accounts:sign-in-passkey": "the way in without a password",
    "accounts:sign-on": "the way in by an identity provider",
    "accounts:sign-on-callback": "where the provider sends people back to",
    "accounts:sign-out": "the way out; of no use to somebody who is not in",
    "accounts:leak-report": "whoever finds a token has no account; the answer tells nothing",
    "leak-report": "likewise, at the API",
    "accounts:join": "who was invited has no account yet; the code decides",
    "accounts:join-accept": "its second step, with the code kept in the session",
    "accounts:join-strength": "the meter beside the password that is chosen there",
    "portal:healthz": "for the supervisor and the load balancer",
    "portal:readyz": "likewise; verdicts only",
    "portal:metrics": "asks for system.view itself, unless the scraper's token came along",
    "openapi": "the description of the API holds nothing of the installation",
}
"""Reviewed: addresses that anybody may ask, each with its reason."""

_KWARG = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """One address. `permissions`: method → permission, for the methods that it answers."""

    address: str
    name: str
    view: Any
    permissions: tuple[tuple[str, str], ...]
    actions: tuple[str, ...] = ()

    @property
    def is_api(self) -> bool:
        return self.address.startswith("api/v1/")

    @property
    def is_public(self) -> bool:
        return self.name in PUBLIC

    @property
    def shape(self) -> str:
        """The address without its door: the same for a page and its API endpoint."""
        return _KWARG.sub("<>", self.address.removeprefix("api/v1/"))

    @property
    def kwargs(self) -> list[tuple[str, str, str]]:
        """(name, converter, the segment before it) of each variable part."""
        found = []
        for match in _KWARG.finditer(self.address):
            before = self.address[: match.start()].rstrip("/").rsplit("/", 1)[-1]
            found.append((match["name"], match["converter"] or "str", before))
        return found

    def fill(self, values: dict[str, str]) -> str:
        return "/" + _KWARG.sub(lambda match: values[match["name"]], self.address)

    def permission(self, method: str) -> str:
        return dict(self.permissions).get(method, "")


def _permissions(callback: Any, view: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(view, type) and issubclass(view, ApiViewSet):
        return tuple(
            (method, view.permissions.get(action, "")) for method, action in sorted(callback.actions.items())
        )
    methods = [method for method in METHODS if hasattr(view, method)]
    of_page = view.permission if isinstance(view, type) and issubclass(view, Page) else ""
    return tuple((method, of_page) for method in methods)


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[Route]:
    for entry in patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            callback = entry.callback
            view = getattr(callback, "view_class", None) or getattr(callback, "cls", None) or callback
            name = f"{namespace}:{entry.name}" if namespace and entry.name else str(entry.name)
            actions = tuple((getattr(callback, "actions", None) or {}).values())
            yield Route(address, name, view, _permissions(callback, view), actions)
        else:
            yield from _walk(entry.url_patterns, address, entry.namespace or namespace)


def all_routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "", ""))


def guarded_routes() -> list[Route]:
    return [route for route in all_routes() if not route.is_public]

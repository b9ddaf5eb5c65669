"""Rate limits of the API: per person or token, and per address for those who are not signed in."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from deployhub.doors.middleware import client_address


class ActorThrottle(SimpleRateThrottle):
    scope = "actor"

    def allow_request(self, request: Request, view: Any) -> bool:
        actor = request._request.actor  # type: ignore[attr-defined]
        self.scope = "anonymous" if actor.is_anonymous else "actor"
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return super().allow_request(request, view)

    def get_cache_key(self, request: Request, view: Any) -> str:
        actor = request._request.actor  # type: ignore[attr-defined]
        who = actor.token_id or actor.user_id or client_address(request._request)
        return self.cache_format % {"scope": self.scope, "ident": who}

"""The system page, health, readiness and metrics."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deployhub.access import policy
from deployhub.audit.scope import event_record
from deployhub.doors.pages import Page
from deployhub.jobs.models import BeatMark
from deployhub.portal import system
from deployhub.portal.metrics import REGISTRY
from deployhub.portal.vocab import Check, Verdict


class SystemPage(Page):
    permission = "system.view"
    template_name = "portal/system.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        event_record(self.actor, "system.view")
        checks = system.system_checks()
        worst = [c for c in checks if c.verdict is not Verdict.OK]
        return self.page(
            checks=checks,
            worst=worst,
            versions=system.versions(),
            queues=system.queues(),
            workers=system.workers_listed(),
            marks=BeatMark.objects.all(),
        )


class Healthz(Page):
    """Whether this process answers at all; touches nothing else."""

    public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok\n", content_type="text/plain")


def _plain(checks: list[Check]) -> dict[str, dict[str, str]]:
    # Only the verdict: what was found names paths and versions, which a stranger needs not know.
    return {check.name.lower(): {"verdict": check.verdict.value} for check in checks}


class Readyz(Page):
    """Whether this process can serve: 200, or 503 with what is down."""

    public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        checks = system.readiness_checks()
        down = any(check.verdict is Verdict.DOWN for check in checks)
        try:
            extra = [] if down else [system.broker_check(), system.workers_check(), system.sandbox_check()]
        except DatabaseError:
            extra, down = [], True
        refusing = any(c.name == "Sandbox" and c.verdict is Verdict.DOWN for c in extra)
        return JsonResponse(
            {"ready": not down, "sandbox_refuses": refusing, "checks": _plain(checks + extra)},
            status=503 if down or refusing else 200,
        )


class Metrics(Page):
    """Prometheus metrics: for whoever may see the system page, or a scraper with DEPLOYHUB_METRICS_TOKEN."""

    public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        token = settings.DEPLOYHUB_METRICS_TOKEN
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not (token and hmac.compare_digest(sent.encode(), token.encode())):
            policy.require(self.actor, "system.view")
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)

"""The dashboard, the command palette, and the answer to the demo's offer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from deployhub.access import policy
from deployhub.doors.pages import Page
from deployhub.portal import selectors, services
from deployhub.portal.context import project_current
from deployhub.portal.system import sandbox_check
from deployhub.portal.transport import tls_check
from deployhub.portal.vocab import Verdict
from deployhub.review.selectors.findings import review_state


class DashboardPage(Page):
    permission = "dashboard.view"
    template_name = "portal/dashboard.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        project = project_current(request, self.actor)
        board = selectors.dashboard(self.actor, project)
        user = request.user
        sandbox = sandbox_check() if self.actor.is_administrator else None
        tls = tls_check() if self.actor.is_administrator else None
        return self.page(
            board=board,
            project=project,
            tls=tls if tls and tls.verdict is not Verdict.OK else None,
            demo_offered=self.actor.is_administrator
            and not user.demo_answered  # type: ignore[union-attr]
            and not services.demo_exists(),  # type: ignore[union-attr]
            review=review_state() if policy.can(self.actor, "finding.view") else None,
            sandbox=sandbox if sandbox and sandbox.verdict is Verdict.DOWN else None,
        )


class DashboardLive(Page):
    """The part of the dashboard that changes while somebody looks at it."""

    permission = "dashboard.view"
    template_name = "portal/_live.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(board=selectors.dashboard(self.actor, project_current(request, self.actor)))


class DemoAnswer(Page):
    """Load the demo project, or decline it."""

    permission = "demo.load"

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("answer") == "load":
            project = services.demo_load(actor=self.actor)
            services.demo_offer_answer(actor=self.actor, user=request.user)
            messages.success(request, "The demo project is loaded. Its model is being inspected now.")
            return HttpResponseRedirect(reverse("registry:project", args=[project.slug]))
        services.demo_offer_answer(actor=self.actor, user=request.user)
        return HttpResponseRedirect(reverse("portal:dashboard"))


class PaletteView(Page):
    permission = "search.use"

    def get(self, request: HttpRequest) -> HttpResponse:
        text = request.GET.get("q", "")[:100].replace("\x00", "")
        return JsonResponse({"groups": selectors.search(self.actor, text)})

"""Pages of toolchains: the list, one with what it holds, and the buttons that ask for work on it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.doors.pages import Page
from deployhub.jobs.models import Job
from deployhub.jobs.selectors import job_log
from deployhub.kernel.errors import DeployHubError
from deployhub.toolchains import selectors, services
from deployhub.toolchains.selectors import Face

LOG_LINES_SHOWN = 200


class ToolchainList(Page):
    permission = "toolchain.view"
    template_name = "toolchains/toolchains.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(faces=selectors.toolchains_listed(self.actor))


class ToolchainPage(Page):
    permission = "toolchain.view"
    template_name = "toolchains/toolchain.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        face = selectors.toolchain_get(self.actor, name)
        builds = selectors.build_jobs(self.actor, name)
        lines: list[Any] = job_log(builds[0], limit=LOG_LINES_SHOWN) if builds else []
        return self.page(face=face, builds=builds, lines=lines)


class ToolchainMove(Page):
    """A button that asks for a job, then shows it."""

    def ask(self, face: Face) -> Job:
        raise NotImplementedError

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        face = selectors.toolchain_get(self.actor, name)
        try:
            job = self.ask(face)
        except DeployHubError as error:
            if error.status != 409:
                raise
            messages.warning(request, f"{error.detail} {error.hint}".strip())
            return HttpResponseRedirect(reverse("toolchains:toolchain", args=[name]))
        return HttpResponseRedirect(reverse("jobs:job", args=[job.pk]))


class ToolchainBuild(ToolchainMove):
    permission = "toolchain.build"

    def ask(self, face: Face) -> Job:
        return services.toolchain_build(actor=self.actor, face=face)


class ToolchainRebuild(ToolchainMove):
    permission = "toolchain.rebuild"

    def ask(self, face: Face) -> Job:
        return services.toolchain_rebuild(actor=self.actor, face=face)


class ToolchainRemove(ToolchainMove):
    permission = "toolchain.remove"

    def ask(self, face: Face) -> Job:
        return services.toolchain_remove(actor=self.actor, face=face)

"""Pages of projects, their members and settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.doors.pages import FormPage, Page
from deployhub.jobs.selectors import jobs_visible
from deployhub.registry import selectors
from deployhub.registry.filters import ProjectFilter
from deployhub.registry.forms import ProjectNewForm, ProjectSettingsForm
from deployhub.registry.services import projects as services
from deployhub.registry.views.base import Act, RegistryList, history_of

RECENT = 5


class ProjectList(RegistryList):
    permission = "project.view"
    template_name = "registry/projects.html"
    filterset_class = ProjectFilter
    of_project = False
    sorts = ("name", "id")

    def queryset(self) -> QuerySet:
        return selectors.projects_counted(self.actor)


class ProjectNew(FormPage):
    permission = "project.create"
    template_name = "registry/project_new.html"
    form_class = ProjectNewForm
    done_message = "The project was created. You are its owner."

    def act(self, form: Any) -> str:
        project = services.project_create(actor=self.actor, **form.cleaned_data)
        return reverse("registry:project", args=[project.slug])


class ProjectPage(Page):
    permission = "project.view"
    template_name = "registry/project.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        project = selectors.project_read(self.actor, slug)
        tab = request.GET.get("tab", "")
        return self.page(
            project=project,
            tab=tab,
            models=selectors.models_listed(self.actor).filter(project=project)[:RECENT],
            versions=selectors.versions_listed(self.actor).filter(project=project)[:RECENT],
            jobs=jobs_visible(self.actor).filter(project=project)[:RECENT],
            members=selectors.members_of(project)[:12],
            history=history_of(self.actor, project) if tab == "history" else None,
        )


class ProjectSettings(FormPage):
    permission = "project.update"
    template_name = "registry/project_settings.html"
    form_class = ProjectSettingsForm
    done_message = "Saved."

    def form(self, **kwargs: Any) -> Any:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        return super().form(initial={"name": project.name, "description": project.description}, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "project": selectors.project_get(self.actor, self.kwargs["slug"]), "tab": "settings"}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.project_read(self.actor, kwargs["slug"])
        return super().get(request, *args, **kwargs)

    def act(self, form: Any) -> str:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        services.project_update(actor=self.actor, project=project, **form.cleaned_data)
        return reverse("registry:project-settings", args=[project.slug])


class ProjectDuties(Act):
    """The switch that demands a second person."""

    permission = "project.duties"
    done_message = "Saved. It holds from now on."

    def act(self, *, slug: str) -> str:
        services.project_duties_set(
            actor=self.actor,
            project=selectors.project_get(self.actor, slug),
            four_eyes=self.request.POST.get("four_eyes") == "on",
        )
        return self.back(slug=slug)

    def back(self, *, slug: str) -> str:
        return reverse("registry:project-settings", args=[slug])


class ProjectArchive(Act):
    permission = "project.archive"

    def act(self, *, slug: str) -> str:
        project = services.project_archive(actor=self.actor, project=selectors.project_get(self.actor, slug))
        self.request.session.pop("project", None)
        messages.success(self.request, f"{project.name} was archived. An administrator can take it back.")
        return reverse("registry:projects")

    def back(self, *, slug: str) -> str:
        return reverse("registry:project", args=[slug])


class ProjectRestore(Act):
    permission = "project.archive"
    done_message = "The project is back."

    def act(self, *, slug: str) -> str:
        services.project_restore(actor=self.actor, project=selectors.project_get(self.actor, slug))
        return self.back(slug=slug)

    def back(self, *, slug: str) -> str:
        return reverse("registry:project", args=[slug])

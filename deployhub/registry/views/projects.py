"""Pages of projects, their members and settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.access.vocab import ROLE_DESCRIPTIONS, Role
from deployhub.doors.pages import FormPage, Page
from deployhub.jobs.selectors import jobs_visible
from deployhub.kernel.errors import InvalidInput
from deployhub.registry import selectors
from deployhub.registry.filters import ProjectFilter
from deployhub.registry.forms import MemberForm, ProjectNewForm, ProjectSettingsForm, RoleForm
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


class MembersPage(FormPage):
    """The members, and the form that adds one."""

    permission = "project.view"
    template_name = "registry/project_members.html"
    form_class = MemberForm
    done_message = "The member was added."

    def context(self, **extra: Any) -> dict[str, Any]:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        return {
            **extra,
            "project": project,
            "members": selectors.members_of(project),
            "roles": Role.choices,
            "role_descriptions": [(Role(role).label, text) for role, text in ROLE_DESCRIPTIONS.items()],
            "tab": "members",
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.project_read(self.actor, kwargs["slug"])
        return super().get(request, *args, **kwargs)

    def act(self, form: Any) -> str:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        services.membership_grant(actor=self.actor, project=project, **form.cleaned_data)
        return reverse("registry:project-members", args=[project.slug])


class _MemberAct(Act):
    permission = "project.view"

    def back(self, **kwargs: Any) -> str:
        return reverse("registry:project-members", args=[kwargs["slug"]])


class MemberRole(_MemberAct):
    done_message = "The role was changed."

    def act(self, *, slug: str, membership_id: UUID) -> str:
        form = RoleForm(self.request.POST)
        if not form.is_valid():
            raise InvalidInput("There is no such role.", hint="Choose one from the list.")
        project = selectors.project_get(self.actor, slug)
        member = selectors.member_get(project, membership_id)
        services.membership_grant(
            actor=self.actor, project=project, username=member.user.username, role=form.cleaned_data["role"]
        )
        return self.back(slug=slug)


class MemberRemove(_MemberAct):
    done_message = "The member was removed."

    def act(self, *, slug: str, membership_id: UUID) -> str:
        member = selectors.member_get(selectors.project_get(self.actor, slug), membership_id)
        is_self = member.user_id == self.actor.user_id
        services.membership_revoke(actor=self.actor, membership=member)
        return (
            reverse("registry:projects")
            if is_self and not self.actor.is_administrator
            else self.back(slug=slug)
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

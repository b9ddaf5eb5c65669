"""Roles of a project's own, own requests for access, who reaches what, and the preview of a role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.access import policy
from deployhub.access.models import CustomRole
from deployhub.access.vocab import CUSTOM_ROLE_PERMISSIONS, PERMISSIONS, RequestState, permission_group
from deployhub.accounts.selectors import account_get, memberships_own, user_get
from deployhub.audit.selectors import events_all
from deployhub.doors.pages import FormPage, Page
from deployhub.doors.vocab import SESSION_PREVIEW
from deployhub.registry import selectors
from deployhub.registry.forms import AccessRequestForm, CustomRoleForm
from deployhub.registry.models import Project
from deployhub.registry.reach import Reached, person_reaches, project_reached_by, reach_csv
from deployhub.registry.services import access_requests, roles
from deployhub.registry.views.base import Act

REQUESTS_SHOWN = 20


def permission_rows(codes: Any) -> list[dict[str, Any]]:
    """Permissions under their headings, in the order of the table."""
    groups: dict[str, list[Any]] = {}
    for code, known in PERMISSIONS.items():
        if code in codes:
            groups.setdefault(permission_group(code), []).append(known)
    return [{"label": label, "permissions": rows} for label, rows in groups.items()]


class _CustomRoleForm(FormPage):
    form_class = CustomRoleForm

    @property
    def project(self) -> Project:
        return selectors.project_get(self.actor, self.kwargs["slug"])

    def _chosen(self, form: Any) -> set[str]:
        return set(form["permissions"].value() or ())

    def context(self, **extra: Any) -> dict[str, Any]:
        project = self.project
        held = policy.held_in(self.actor, project.pk) & CUSTOM_ROLE_PERMISSIONS
        chosen = self._chosen(extra["form"])
        return {
            **extra,
            "project": project,
            "groups": permission_rows(held | chosen),
            "chosen": chosen | {roles.ALWAYS},
            "held": held,
            "tab": "members",
        }


class CustomRolesPage(_CustomRoleForm):
    """The roles that the project made for itself, and the form that makes one."""

    permission = "project.view"
    template_name = "registry/custom_roles.html"
    done_message = "The role was made. Give it to members on the members page."

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.project_read(self.actor, kwargs["slug"])
        return super().get(request, *args, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        found = super().context(**extra)
        return {**found, "custom_roles": selectors.custom_roles_of(found["project"])}

    def act(self, form: Any) -> str:
        project = self.project
        roles.custom_role_create(actor=self.actor, project=project, **form.cleaned_data)
        return reverse("registry:custom-roles", args=[project.slug])


class CustomRolePage(_CustomRoleForm):
    permission = "role.define"
    template_name = "registry/custom_role.html"
    done_message = "Saved. Whoever has the role has it as changed from their next request on."

    @property
    def role(self) -> CustomRole:
        return selectors.custom_role_get(self.project, self.kwargs["custom_role_id"])

    def form(self, **kwargs: Any) -> Any:
        role = self.role
        start = {"name": role.name, "description": role.description, "permissions": role.permissions}
        return super().form(initial=start, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        role = self.role
        holders = selectors.members_of(role.project).filter(custom_role=role)
        return {**super().context(**extra), "role": role, "holders": holders}

    def act(self, form: Any) -> str:
        role = self.role
        roles.custom_role_update(actor=self.actor, role=role, **form.cleaned_data)
        return reverse("registry:custom-roles", args=[role.project.slug])


class CustomRoleRemove(Act):
    permission = "role.define"
    done_message = "The role was removed."

    def act(self, *, slug: str, custom_role_id: UUID) -> str:
        role = selectors.custom_role_get(selectors.project_get(self.actor, slug), custom_role_id)
        roles.custom_role_delete(actor=self.actor, role=role)
        return self.back(slug=slug)

    def back(self, **kwargs: Any) -> str:
        return reverse("registry:custom-roles", args=[kwargs["slug"]])


class AccessPage(FormPage):
    """What I have, what I asked for, and the form to ask."""

    permission = "access.request"
    template_name = "registry/access.html"
    form_class = AccessRequestForm
    done_message = "Asked. If there is such a project, its owners see your request."

    def form(self, **kwargs: Any) -> Any:
        own = [
            (role.slug, f"{role.name} (in {membership.project.name})")
            for membership in memberships_own(self.actor)
            for role in selectors.custom_roles_of(membership.project)
        ]
        return super().form(roles=own, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            **extra,
            "memberships": memberships_own(self.actor),
            "requests": selectors.access_requests_own(self.actor)[:REQUESTS_SHOWN],
            "waiting": RequestState.WAITING,
            "tab": "access",
        }

    def act(self, form: Any) -> str:
        access_requests.access_request_create(actor=self.actor, **form.cleaned_data)
        return reverse("registry:access")


class AccessWithdraw(Act):
    permission = "access.withdraw"
    done_message = "The request was withdrawn."

    def act(self, *, access_request_id: UUID) -> str:
        access_requests.access_request_withdraw(
            actor=self.actor, request=selectors.access_request_own_get(self.actor, access_request_id)
        )
        return self.back()

    def back(self, **kwargs: Any) -> str:
        return reverse("registry:access")


class _Reach(Page):
    """A table of who reaches what, as a page or as CSV."""

    def answer(self, rows: list[Reached], *, name: str, **extra: Any) -> HttpResponse:
        if self.request.GET.get("as") == "csv":
            return HttpResponse(
                reach_csv(rows),
                content_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": f'attachment; filename="reach-{name}.csv"'},
            )
        return self.page(rows=list(_faces(rows)), **extra)


def _faces(rows: list[Reached]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {"row": row, "groups": permission_rows(row.permissions)}


class ProjectReach(_Reach):
    permission = "reach.view"
    template_name = "registry/project_reach.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        project = selectors.project_get(self.actor, slug)
        return self.answer(
            project_reached_by(self.actor, project), name=project.slug, project=project, tab="reach"
        )


class ModelReach(_Reach):
    permission = "reach.view"
    template_name = "registry/model_reach.html"

    def get(self, request: HttpRequest, model_id: UUID) -> HttpResponse:
        model = selectors.model_get(self.actor, model_id)
        return self.answer(
            project_reached_by(self.actor, model.project),
            name=model.slug,
            model=model,
            project=model.project,
        )


class PersonReach(_Reach):
    permission = "user.view"
    template_name = "registry/person_reach.html"

    def get(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        person = user_get(self.actor, user_id)
        rows = person_reaches(self.actor, person)
        last = events_all().filter(actor_id=person.pk).first()
        return self.answer(rows, name=person.username, person=person, last=last)


class PreviewStart(Act):
    """Put the role into the session; from the next request on the policy heeds it."""

    permission = "preview.start"

    def act(self, *, slug: str) -> str:
        project = selectors.project_get(self.actor, slug)
        shown = roles.preview_start(
            actor=self.actor, project=project, role=self.request.POST.get("role", "")[:40]
        )
        self.request.session[SESSION_PREVIEW] = {
            "project": str(project.pk),
            "role": shown.role,
            "called": f"{shown.label} in {project.name}"[:80],
        }
        return reverse("registry:project", args=[project.slug])

    def back(self, *, slug: str) -> str:
        return reverse("registry:project-members", args=[slug])


class PreviewStop(Act):
    permission = "preview.stop"

    def act(self) -> str:
        if SESSION_PREVIEW in self.request.session:
            roles.preview_stop(actor=self.actor, user=account_get(self.actor))
            del self.request.session[SESSION_PREVIEW]
        return self.back()

    def back(self) -> str:
        return reverse("portal:dashboard")

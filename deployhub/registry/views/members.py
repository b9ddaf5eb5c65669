"""The members of a project, and the requests to become one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.access import policy
from deployhub.access.models import AccessRequest
from deployhub.access.vocab import ROLE_DESCRIPTIONS, RequestState, Role
from deployhub.accounts.services.ownership import project_hand_over
from deployhub.doors.pages import FormPage
from deployhub.kernel.errors import InvalidInput
from deployhub.registry import selectors
from deployhub.registry.forms import END_CHOICES, ApproveForm, HandOverForm, MemberForm, RoleForm
from deployhub.registry.models import Project
from deployhub.registry.services import access_requests, members
from deployhub.registry.views.base import Act


class MembersPage(FormPage):
    """The members, the form that adds one, and who asks to become one."""

    permission = "project.view"
    template_name = "registry/project_members.html"
    form_class = MemberForm
    done_message = "The member was added."

    def form(self, **kwargs: Any) -> Any:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        return super().form(roles=selectors.role_choices(project), **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        decides = policy.can(self.actor, "access.decide", project)
        custom_roles = selectors.custom_roles_of(project)
        return {
            **extra,
            "project": project,
            "members": selectors.members_of(project),
            "roles": selectors.role_choices(project),
            "ends": END_CHOICES,
            "requests": selectors.access_requests_of(project).filter(state=RequestState.WAITING)
            if decides
            else [],
            "role_descriptions": [
                *((Role(role).label, text) for role, text in ROLE_DESCRIPTIONS.items()),
                *(
                    (role.name, role.description or f"{len(role.permissions)} permissions")
                    for role in custom_roles
                ),
            ],
            "tab": "members",
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.project_read(self.actor, kwargs["slug"])
        return super().get(request, *args, **kwargs)

    def act(self, form: Any) -> str:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        members.membership_grant(actor=self.actor, project=project, **form.cleaned_data)
        return reverse("registry:project-members", args=[project.slug])


class _MemberAct(Act):
    permission = "project.view"

    def back(self, **kwargs: Any) -> str:
        return reverse("registry:project-members", args=[kwargs["slug"]])


class MemberRole(_MemberAct):
    done_message = "The role was changed."

    def act(self, *, slug: str, membership_id: UUID) -> str:
        project = selectors.project_get(self.actor, slug)
        member = selectors.member_get(project, membership_id)
        form = RoleForm(self.request.POST, roles=selectors.role_choices(project))
        if not form.is_valid():
            raise InvalidInput("There is no such role.", hint="Choose one from the list.")
        members.membership_grant(
            actor=self.actor, project=project, username=member.user.username, **form.cleaned_data
        )
        return self.back(slug=slug)


class MemberRemove(_MemberAct):
    done_message = "The member was removed."

    def act(self, *, slug: str, membership_id: UUID) -> str:
        member = selectors.member_get(selectors.project_get(self.actor, slug), membership_id)
        is_self = member.user_id == self.actor.user_id
        members.membership_revoke(actor=self.actor, membership=member)
        return (
            reverse("registry:projects")
            if is_self and not self.actor.is_administrator
            else self.back(slug=slug)
        )


class _AccessAct(_MemberAct):
    permission = "access.decide"

    def asked(self, slug: str, request_id: UUID) -> AccessRequest:
        return selectors.access_request_get(selectors.project_get(self.actor, slug), request_id)


class AccessApprove(_AccessAct):
    done_message = "Approved. The role holds from their next request on, and ends by itself."

    def act(self, *, slug: str, access_request_id: UUID) -> str:
        asked = self.asked(slug, access_request_id)
        form = ApproveForm(self.request.POST)
        if not form.is_valid():
            raise InvalidInput("The number of days is not valid.", hint="Say for how many days.")
        access_requests.access_request_approve(actor=self.actor, request=asked, **form.cleaned_data)
        return self.back(slug=slug)


class AccessDecline(_AccessAct):
    done_message = "Declined. The person reads your reason."

    def act(self, *, slug: str, access_request_id: UUID) -> str:
        asked = self.asked(slug, access_request_id)
        access_requests.access_request_decline(
            actor=self.actor, request=asked, reason=self.request.POST.get("reason", "")[:500]
        )
        return self.back(slug=slug)


class ProjectHandOver(FormPage):
    """Make somebody the owner in place of another, in one step."""

    permission = "project.hand_over"
    template_name = "registry/project_hand_over.html"
    form_class = HandOverForm
    done_message = "Handed over. It holds from the next request on."

    @property
    def project(self) -> Project:
        project = selectors.project_get(self.actor, self.kwargs["slug"])
        policy.require(self.actor, self.permission, project)
        return project

    def form(self, **kwargs: Any) -> Any:
        project = self.project
        people = [m.user for m in selectors.members_of(project) if m.user.is_active and not m.user.is_service]
        owners = [m.user for m in selectors.members_of(project) if m.role == Role.OWNER and not m.has_ended]
        return super().form(
            members=[(user.username, user.display_name) for user in people if user.pk != self.actor.user_id],
            owners=[(user.username, user.display_name) for user in owners],
            roles=[choice for choice in selectors.role_choices(project) if choice[0] != Role.OWNER],
            is_owner=any(user.pk == self.actor.user_id for user in owners),
            by_administrator=self.actor.is_administrator,
            **kwargs,
        )

    def context(self, **extra: Any) -> dict[str, Any]:
        return {**extra, "project": self.project, "tab": "members"}

    def act(self, form: Any) -> str:
        project = self.project
        project_hand_over(actor=self.actor, project=project, **form.cleaned_data)
        still_sees = selectors.projects_visible(self.actor).filter(pk=project.pk).exists()
        return (
            reverse("registry:project", args=[project.slug]) if still_sees else reverse("registry:projects")
        )

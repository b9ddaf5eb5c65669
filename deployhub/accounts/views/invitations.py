"""Invitations, as those see them who invite."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.access import policy
from deployhub.accounts.filters import InvitationFilterSet
from deployhub.accounts.forms.people import InvitationForm
from deployhub.accounts.models import Invitation
from deployhub.accounts.selectors.invitations import (
    invitation_get,
    invitations_read,
    project_for_invitation,
    projects_for_invitations,
    roles_for_invitations,
)
from deployhub.accounts.services.invitations import (
    invitation_letter,
    invitation_link,
    invitation_resend,
    invitation_revoke,
    invite,
)
from deployhub.accounts.services.joining import promise_of
from deployhub.accounts.services.letters import letters_go_out
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.errors import Conflict


class InvitationsPage(ListPage):
    permission = "invitation.view"
    template_name = "accounts/invitations.html"
    filterset_class = InvitationFilterSet
    sorts = ("created_at", "expires_at")

    def queryset(self) -> QuerySet:
        return invitations_read(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        listing = extra.get("listing")
        lines = [
            {
                "it": row,
                "withheld": row.withheld or ("; ".join(promise_of(row).withheld) if row.is_open else ""),
                "may_change": policy.can(self.actor, "invitation.revoke", row),
            }
            for row in (listing.rows if listing else [])
        ]
        return {"tab": "invitations", "lines": lines, **extra}


def link_page(page: Page, invitation: Invitation, code: str) -> HttpResponse:
    """The link, this once, and by which way it goes to the person."""
    sent = invitation_letter(invitation, code)
    return page.page(
        template="accounts/invitation_made.html",
        invitation=invitation,
        link=invitation_link(code),
        sent=sent,
        letters=letters_go_out(),
    )


@method_decorator(never_cache, name="dispatch")
class InvitationNewPage(FormPage):
    permission = "member.invite"
    template_name = "accounts/invitation_new.html"
    form_class = InvitationForm

    def form(self, **kwargs: Any) -> InvitationForm:
        projects = list(projects_for_invitations(self.actor))
        chosen = next((p.pk for p in projects if p.slug == self.request.GET.get("project")), "")
        return InvitationForm(
            projects=[(str(project.pk), project.name) for project in projects],
            roles=roles_for_invitations(self.actor),
            by_administrator=policy.can(self.actor, "invitation.create"),
            initial={"project": chosen, "role": "engineer" if chosen else ""},
            **kwargs,
        )

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"letters": letters_go_out(), **extra}

    def act(self, form: InvitationForm) -> HttpResponse:
        wanted = dict(form.cleaned_data)
        chosen = wanted.pop("project")
        project = project_for_invitation(self.actor, UUID(chosen)) if chosen else None
        return link_page(self, *invite(actor=self.actor, project=project, **wanted))


class _InvitationAct(Page):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        invitation = invitation_get(self.actor, self.kwargs["invitation_id"])
        try:
            return self.act(invitation)
        except Conflict as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
            return HttpResponseRedirect(reverse("accounts:invitations"))

    def act(self, invitation: Invitation) -> HttpResponse:
        raise NotImplementedError


@method_decorator(never_cache, name="dispatch")
class InvitationResend(_InvitationAct):
    permission = "invitation.resend"

    def act(self, invitation: Invitation) -> HttpResponse:
        return link_page(self, *invitation_resend(actor=self.actor, invitation=invitation))


class InvitationRevoke(_InvitationAct):
    permission = "invitation.revoke"

    def act(self, invitation: Invitation) -> HttpResponse:
        invitation_revoke(actor=self.actor, invitation=invitation)
        messages.success(self.request, "Taken back. Its link opens nothing any more.")
        return HttpResponseRedirect(reverse("accounts:invitations"))

"""Reads of invitations, scoped to the actor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.access.models import CustomRole
from deployhub.access.vocab import Role
from deployhub.accounts.models import Invitation
from deployhub.accounts.selectors.ownership import projects_all
from deployhub.audit.scope import event_record
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import InvalidInput


def invitations_visible(actor: Actor) -> QuerySet[Invitation]:
    """All of them for administrators and auditors; for owners those into their projects."""
    rows = Invitation.objects.select_related("project", "invited_by", "accepted_by")
    return policy.visible(actor, "invitation.view", rows)


def invitations_read(actor: Actor) -> QuerySet[Invitation]:
    """The list, and a record that it was read."""
    event_record(actor, "invitation.view")
    return invitations_visible(actor)


def invitation_get(actor: Actor, invitation_id: UUID) -> Invitation:
    return policy.one(invitations_visible(actor), pk=invitation_id)


def projects_for_invitations(actor: Actor) -> QuerySet[Any]:
    """Living projects into which the actor may invite."""
    rows = projects_all().filter(archived_at=None).order_by("name")
    return policy.visible(actor, "member.invite", rows, project_path="pk")


def project_for_invitation(actor: Actor, project_id: UUID) -> Any:
    """One of them. Raises InvalidInput."""
    project = projects_for_invitations(actor).filter(pk=project_id).first()
    if project is None:
        sentence = "There is no such project for you."
        raise InvalidInput(sentence, errors={"project": [sentence]})
    return project


def roles_for_invitations(actor: Actor) -> list[tuple[str, str]]:
    """Roles that an invitation can name: the built-in ones, and those of the projects' own."""
    own = CustomRole.objects.filter(project__in=projects_for_invitations(actor)).select_related("project")
    return [*Role.choices, *((role.slug, f"{role.name} ({role.project.name})") for role in own)]

"""Who owns a project, when it goes to somebody else: handed over, or because its owner leaves the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse

from deployhub.access import policy
from deployhub.access.models import CustomRole, Membership, not_ended
from deployhub.access.vocab import CUSTOM, ROLE_PERMISSIONS, Role
from deployhub.accounts.models import User
from deployhub.accounts.selectors.ownership import owned_alone, projects_all
from deployhub.accounts.vocab import AccountKind
from deployhub.audit.scope import require_scope
from deployhub.audit.vocab import Operation
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.usecase import usecase

STAYS_AFTER_DEACTIVATION = Role.VIEWER


@usecase("project.hand_over", on="project")
def project_hand_over(
    *, actor: Actor, project: Any, username: str, owner: str = "", stays_as: str = ""
) -> Membership:
    """Make somebody the owner in place of another, in one step. Returns the new owner's membership.

    `owner` is who gives it up: oneself where nothing is said, or the only owner there is. `stays_as` is the lesser
    role that they keep; empty, and they leave. The new owner is a member; an administrator may name anybody.
    """
    projects_all().select_for_update().get(pk=project.pk)  # the same lock as for every change of members
    above = ROLE_PERMISSIONS[Role.OWNER] - policy.held_in(actor, project.pk)
    if above:
        raise Forbidden("Only an owner hands a project over.", hint="Ask an owner, or an administrator.")
    old = _giving(actor, project, owner)
    new = _taking(actor, project, username)
    if old is not None and old.user_id == new.user_id:
        sentence = "This person owns the project already. Name somebody else."
        raise InvalidInput(sentence, errors={"username": [sentence]})
    new.role, new.custom_role, new.expires_at = Role.OWNER, None, None
    new.save()
    if old is not None:
        _step_back(old, stays_as)
    require_scope("project.hand_over").record(
        project,
        Operation.UPDATE,
        {
            "owner": [old.user.username if old is not None else None, new.user.username],
            "former_owner_stays_as": [Role.OWNER.value if old is not None else None, stays_as or None],
        },
    )
    policy.roles_forget(actor)
    return new


def projects_pass_on(*, actor: Actor, user: User, successors: Mapping[UUID, str]) -> None:
    """Within the use case that closes an account: hand each project that the person alone owns to its successor.

    Raises Conflict, with the projects, where one has none.
    """
    mine = Membership.objects.filter(not_ended(), user=user, role=Role.OWNER).values("project_id")
    # Locked, so that two owners who are deactivated at once do not each count on the other.
    list(projects_all().select_for_update().filter(pk__in=mine).order_by("pk"))
    alone = [membership.project for membership in owned_alone(user)]
    stray = set(successors) - {project.pk for project in alone}
    if stray:
        sentence = f"{user.display_name} is not the only owner of one of the projects that you named."
        raise InvalidInput(sentence, errors={"successors": [sentence]})
    missing = [project for project in alone if not successors.get(project.pk, "").strip()]
    if missing:
        raise Conflict(
            f"{user.display_name} is the only owner of {', '.join(project.name for project in missing)}.",
            hint="Name a successor for each, or hand them over first.",
            code="sole_owner",
            extra={
                "projects": [
                    {
                        "id": str(project.pk),
                        "slug": project.slug,
                        "name": project.name,
                        "hand_over": reverse("registry:project-hand-over", args=[project.slug]),
                    }
                    for project in missing
                ]
            },
        )
    for project in alone:
        try:
            project_hand_over(
                actor=actor,
                project=project,
                username=successors[project.pk],
                owner=user.username,
                stays_as=STAYS_AFTER_DEACTIVATION,
            )
        except InvalidInput as error:
            field = f"successor_{project.pk.hex}"
            raise InvalidInput(f"{project.name}: {error.detail}", errors={field: [error.detail]}) from error


def _giving(actor: Actor, project: Any, username: str) -> Membership | None:
    """The membership of who gives the project up; None where nobody owns it."""
    owners = Membership.objects.select_related("user", "project").filter(
        not_ended(), project=project, role=Role.OWNER
    )
    if username.strip():
        named = owners.filter(user__username__iexact=username.strip()).first()
        if named is None:
            sentence = f"{username.strip()[:60]} is no owner of this project."
            raise InvalidInput(sentence, errors={"owner": [sentence]})
        return named
    own = next((row for row in owners if row.user_id == actor.user_id), None)
    if own is not None:
        return own
    found = list(owners[:2])
    if len(found) > 1:
        sentence = "This project has several owners. Say which of them hands it over."
        raise InvalidInput(sentence, errors={"owner": [sentence]})
    return found[0] if found else None


def _taking(actor: Actor, project: Any, username: str) -> Membership:
    """The membership, perhaps a new one, of who takes it."""
    person = User.objects.filter(
        username__iexact=username.strip(), is_active=True, kind=AccountKind.PERSON
    ).first()
    held = (
        Membership.objects.select_related("user").filter(project=project, user=person).first()
        if person is not None
        else None
    )
    if person is None or ((held is None or held.has_ended) and not actor.is_administrator):
        sentence = f"There is no active member named {username.strip()[:60]}."
        raise InvalidInput(sentence, hint="Add them as a member first.", errors={"username": [sentence]})
    return held if held is not None else Membership(project=project, user=person)


def _step_back(old: Membership, stays_as: str) -> None:
    if not stays_as:
        old.delete()
        return
    custom = CustomRole.objects.filter(project_id=old.project_id, slug=stays_as).first()
    if stays_as == Role.OWNER or (stays_as not in Role.values and custom is None):
        sentence = "Choose a lesser role from the list, or to leave the project."
        raise InvalidInput(sentence, errors={"stays_as": [sentence]})
    builtin = stays_as in Role.values
    old.role, old.custom_role = (stays_as, None) if builtin else (CUSTOM, custom)
    old.save()

"""Projects and their members."""

from __future__ import annotations

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.vocab import Role
from deployhub.accounts.models import User
from deployhub.audit.scope import require_scope, touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.models import Project
from deployhub.registry.services.models import slug_of
from deployhub.usecase import usecase


@usecase("project.create")
def project_create(*, actor: Actor, name: str, slug: str = "", description: str = "") -> Project:
    """Create a project; who creates it becomes its first owner."""
    name = " ".join(name.split())
    project = Project(name=name, slug=slug or slug_of(name), description=description.strip())
    project.full_clean()
    project.save()
    if actor.user_id is not None:
        Membership.objects.create(project=project, user_id=actor.user_id, role=Role.OWNER)
        policy.roles_forget(actor)
    return project


@usecase("project.update", on="project")
def project_update(
    *, actor: Actor, project: Project, name: str | None = None, description: str | None = None
) -> Project:
    """Rename or describe; the short name stays, since addresses and scripts use it."""
    if name is not None:
        project.name = " ".join(name.split())
    if description is not None:
        project.description = description.strip()
    project.full_clean()
    project.save(update_fields=["name", "description"])
    if not require_scope("project.update").changed:
        touch(project)
    return project


@usecase("project.archive", on="project")
def project_archive(*, actor: Actor, project: Project) -> Project:
    """Put a project away: its members do not see it any more; an administrator does, and can take it back."""
    if project.archived_at is not None:
        raise Conflict(f"{project.name} is archived already.")
    project.archived_at = utc_now()
    project.save(update_fields=["archived_at"])
    policy.roles_forget(actor)
    return project


@usecase("project.archive", on="project")
def project_restore(*, actor: Actor, project: Project) -> Project:
    """Take an archived project back."""
    if project.archived_at is None:
        raise Conflict(f"{project.name} is not archived.")
    project.archived_at = None
    project.save(update_fields=["archived_at"])
    policy.roles_forget(actor)
    return project


@usecase("membership.grant", on="project")
def membership_grant(*, actor: Actor, project: Project, username: str, role: str) -> Membership:
    """Add a person to the project, or change their role. The last owner stays one."""
    if role not in Role.values:
        raise InvalidInput("There is no such role.", errors={"role": ["Choose a role from the list."]})
    user = User.objects.filter(username__iexact=username.strip(), is_active=True).first()
    if user is None or not machine_may_join(actor, project, user):
        sentence = f"There is no active account named {username.strip()[:60]}."
        raise InvalidInput(
            sentence,
            hint="Check the name; an administrator can create the account.",
            errors={"username": [sentence]},
        )
    if user.is_service and role == Role.OWNER:
        sentence = "A service account cannot own a project."
        raise InvalidInput(sentence, errors={"role": [sentence]})
    # The project's row is the lock: two owners who demote each other must not leave it without one.
    Project.objects.select_for_update().get(pk=project.pk)
    membership = Membership.objects.filter(project=project, user=user).first()
    if membership is None:
        membership = Membership.objects.create(project=project, user=user, role=role)
    elif membership.role != role:
        if membership.role == Role.OWNER:
            _owner_left_check(project, membership)
        membership.role = role
        membership.save(update_fields=["role"])
    else:
        touch(membership)
    policy.roles_forget(actor)
    return membership


@usecase("membership.revoke", on="membership")
def membership_revoke(*, actor: Actor, membership: Membership) -> None:
    """Take a person out of the project. The last owner cannot leave."""
    Project.objects.select_for_update().get(pk=membership.project_id)
    if membership.role == Role.OWNER:
        _owner_left_check(membership.project, membership)
    membership.delete()
    policy.roles_forget(actor)


def machine_may_join(actor: Actor, project: Project, user: User) -> bool:
    """A service account works in its own project; into another only an administrator lets it, because the owners of
    its own make its tokens."""
    return not user.is_service or actor.is_administrator or user.service.project_id == project.pk


def _owner_left_check(project: Project, leaving: Membership) -> None:
    if not Membership.objects.filter(project=project, role=Role.OWNER).exclude(pk=leaving.pk).exists():
        raise Conflict(
            f"{leaving.user.display_name} is the last owner of {project.name}.",
            hint="Make somebody else an owner first.",
            code="last_owner",
        )

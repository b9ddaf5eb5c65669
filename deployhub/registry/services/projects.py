"""Projects and their members."""

from __future__ import annotations

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.vocab import Role
from deployhub.audit.scope import require_scope, touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict
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


@usecase("project.duties", on="project")
def project_duties_set(*, actor: Actor, project: Project, four_eyes: bool) -> Project:
    """Demand, or no longer demand, that the production alias needs another person than the version's maker."""
    project.four_eyes = four_eyes
    project.save(update_fields=["four_eyes"])
    if not require_scope("project.duties").changed:
        touch(project)
    return project

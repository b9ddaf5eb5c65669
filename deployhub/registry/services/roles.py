"""The roles that a project makes for itself, and the preview of a role."""

from __future__ import annotations

from collections.abc import Sequence

from deployhub.access import policy
from deployhub.access.models import CustomRole, Membership
from deployhub.access.vocab import CUSTOM, CUSTOM_ROLE_PERMISSIONS, PERMISSIONS, Role
from deployhub.accounts.models import User
from deployhub.audit.scope import require_scope, touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput, NotFound
from deployhub.registry.models import Project
from deployhub.registry.services.members import within_own_demand
from deployhub.registry.services.models import slug_of
from deployhub.usecase import usecase

ALWAYS = "project.view"
"""Who may not see the project can do nothing in it."""
RESERVED = {*Role.values, CUSTOM, "administrator", "auditor"}


@usecase("role.define", on="project")
def custom_role_create(
    *, actor: Actor, project: Project, name: str, permissions: Sequence[str], description: str = ""
) -> CustomRole:
    """Make a role of the project, of permissions that the maker holds. Raises Forbidden where they hold less."""
    name = " ".join(name.split())
    slug = slug_of(name)[:40].strip("-")
    if slug in RESERVED or slug.replace("-", "_") in RESERVED:
        raise _taken("DeployHub has a role of this name.")
    if CustomRole.objects.filter(project=project, slug=slug).exists():
        raise _taken("The project has a role of this name.")
    role = CustomRole(project=project, name=name, slug=slug, description=description.strip())
    role.permissions = _sorted(actor, project, permissions)
    role.full_clean()
    role.save()
    return role


@usecase("role.define", on="role")
def custom_role_update(
    *,
    actor: Actor,
    role: CustomRole,
    name: str | None = None,
    permissions: Sequence[str] | None = None,
    description: str | None = None,
) -> CustomRole:
    """Change a role. Whoever has it, has it as changed from their next request on; its short name stays."""
    role = CustomRole.objects.select_for_update().get(pk=role.pk)
    if name is not None:
        role.name = " ".join(name.split())
        if (
            CustomRole.objects.filter(project=role.project_id, name__iexact=role.name)
            .exclude(pk=role.pk)
            .exists()
        ):
            raise _taken("The project has a role of this name.")
    if description is not None:
        role.description = description.strip()
    if permissions is not None:
        within_own_demand(actor, role.project, frozenset(role.permissions))
        role.permissions = _sorted(actor, role.project, permissions)
    role.full_clean()
    role.save()
    if not require_scope("role.define").changed:
        touch(role)
    policy.roles_forget(actor)
    return role


@usecase("role.define", on="role")
def custom_role_delete(*, actor: Actor, role: CustomRole) -> None:
    """Take a role away. Raises Conflict, and says who has it, while somebody does."""
    role = CustomRole.objects.select_for_update().get(pk=role.pk)
    held = Membership.objects.filter(custom_role=role).select_related("user").order_by("user__username")
    names = [membership.user.display_name for membership in held[:5]]
    more = held.count() - len(names)
    if names:
        who = ", ".join(names) + (f" and {more} more" if more else "")
        raise Conflict(
            f"{role.name} is the role of {who}.", hint="Give them another role first.", code="role_in_use"
        )
    role.delete()


def _taken(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, errors={"name": [sentence]}, hint="Choose another name.")


def _sorted(actor: Actor, project: Project, permissions: Sequence[str]) -> list[str]:
    wanted = frozenset(permissions) | {ALWAYS}
    unknown = wanted - CUSTOM_ROLE_PERMISSIONS
    if unknown:
        sentence = f"A project's own role cannot hold: {', '.join(sorted(unknown))[:200]}."
        raise InvalidInput(sentence, errors={"permissions": [sentence]})
    within_own_demand(actor, project, wanted)
    return [code for code in PERMISSIONS if code in wanted]


@usecase("preview.start", on="project")
def preview_start(*, actor: Actor, project: Project, role: str) -> policy.Grant:
    """View as a role of the project. The session holds it; it shows no more than what the person holds themselves."""
    shown = policy.role_find(project.pk, role)
    if shown is None:
        raise NotFound("There is nothing here, or you have no access to it.")
    touch(project, role=shown.role)
    return shown


@usecase("preview.stop", on="user")
def preview_stop(*, actor: Actor, user: User) -> None:
    """Be oneself again."""
    touch(user, acting_as=actor.acting_as)

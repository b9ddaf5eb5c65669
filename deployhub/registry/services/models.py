"""Registered models and their aliases."""

from __future__ import annotations

from uuid import UUID

from django.utils.text import slugify

from deployhub.access.duties import require_other_than
from deployhub.audit.scope import require_scope, touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.models import ModelAlias, ModelVersion, Project, RegisteredModel
from deployhub.registry.services.gate import require_version_cleared
from deployhub.registry.vocab import PRODUCTION_ALIASES, VersionState
from deployhub.usecase import usecase


def slug_of(name: str) -> str:
    """'Street signs v2' → 'street-signs-v2'; raises InvalidInput when nothing is left."""
    slug = slugify(name)[:60].strip("-_").replace("_", "-")
    if not slug:
        raise InvalidInput(
            "The name needs at least one letter or digit (a–z, 0–9).",
            errors={"name": ["Use letters or digits."]},
        )
    return slug


@usecase("model.create", on="project")
def model_create(*, actor: Actor, project: Project, name: str, description: str = "") -> RegisteredModel:
    """Register a model by name. Raises Conflict when the project has one of this name."""
    name = " ".join(name.split())
    slug = slug_of(name)
    if RegisteredModel.objects.filter(project=project, slug=slug).exists():
        raise Conflict(
            f"{project.name} has a model named like this already ({slug}).",
            hint="Choose it from the list, or give the new one another name.",
            code="model_exists",
            errors={"name": ["A model of this name exists already."]},
        )
    model = RegisteredModel(project=project, name=name, slug=slug, description=description.strip())
    model.full_clean()
    model.save()
    return model


@usecase("model.update", on="model")
def model_update(
    *, actor: Actor, model: RegisteredModel, name: str | None = None, description: str | None = None
) -> RegisteredModel:
    """Rename or describe a model; its short name stays, since addresses and scripts use it."""
    if name is not None:
        model.name = " ".join(name.split())
    if description is not None:
        model.description = description.strip()
    model.full_clean()
    model.save(update_fields=["name", "description"])
    if not require_scope("model.update").changed:
        touch(model)
    return model


@usecase("model.alias", on="model")
def alias_set(*, actor: Actor, model: RegisteredModel, name: str, version: ModelVersion) -> ModelAlias:
    """Point an alias of the model at one of its accepted versions; an alias of that name moves.

    Raises Forbidden where the project demands another person than the version's maker (services/approvals.py).
    """
    if is_production(model, name):
        require_other_than(
            actor,
            makers_of(version),
            sentence=f"You made {version}, so another person has to point {name} at it.",
            hint="Ask for it: the request waits for another release manager or owner.",
        )
    alias_checked(model, name, version)
    return alias_point(model, name, version)


def is_production(model: RegisteredModel, name: str) -> bool:
    """Whether the project demands a second person for this alias. Read anew: the switch acts at once."""
    return name in PRODUCTION_ALIASES and Project.objects.filter(pk=model.project_id, four_eyes=True).exists()


def makers_of(version: ModelVersion) -> list[UUID | None]:
    """Who made the version: the account, and where that is a machine's, the person who answers for it."""
    maker = version.created_by
    if maker is None or not maker.is_service:
        return [version.created_by_id]
    return [maker.pk, maker.service.responsible_id]


def alias_checked(model: RegisteredModel, name: str, version: ModelVersion) -> None:
    """Raise InvalidInput or Conflict unless an alias of this model may point at the version."""
    if version.model_id != model.pk:
        raise InvalidInput(
            "This version belongs to another model.", errors={"version": ["Choose a version of this model."]}
        )
    if version.state != VersionState.ACCEPTED:
        raise Conflict(
            f"{version} is not accepted, so no alias may point at it.", hint="Choose an accepted version."
        )
    if name in PRODUCTION_ALIASES:
        require_version_cleared(version)


def alias_point(model: RegisteredModel, name: str, version: ModelVersion) -> ModelAlias:
    """Write the alias, within a use case."""
    alias = ModelAlias.objects.filter(model=model, name=name).first() or ModelAlias(
        project_id=model.project_id, model=model, name=name
    )
    alias.version = version
    alias.full_clean(validate_unique=False, validate_constraints=False)
    alias.save()
    if not require_scope("model.alias").changed:
        touch(model, alias=name)
    return alias


@usecase("model.alias", on="model")
def alias_remove(*, actor: Actor, model: RegisteredModel, name: str) -> None:
    """Take an alias away. Raises Conflict when there is none of this name."""
    alias = ModelAlias.objects.filter(model=model, name=name).first()
    if alias is None:
        raise Conflict(f"The model has no alias {name}.", hint="Reload the page to see its aliases.")
    alias.delete()

"""Registered models and their aliases."""

from __future__ import annotations

from django.utils.text import slugify

from deployhub.audit.scope import require_scope, touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.models import ModelAlias, ModelVersion, Project, RegisteredModel
from deployhub.registry.vocab import VersionState
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
    """Point an alias of the model at one of its accepted versions; an alias of that name moves."""
    if version.model_id != model.pk:
        raise InvalidInput(
            "This version belongs to another model.", errors={"version": ["Choose a version of this model."]}
        )
    if version.state != VersionState.ACCEPTED:
        raise Conflict(
            f"{version} is not accepted, so no alias may point at it.", hint="Choose an accepted version."
        )
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

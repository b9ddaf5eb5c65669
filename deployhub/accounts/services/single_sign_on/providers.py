"""Identity providers and the mapping of their groups, as administrators keep them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from deployhub.access.models import Membership
from deployhub.access.vocab import Role
from deployhub.accounts.models import GroupMapping, IdentityProvider
from deployhub.accounts.services.single_sign_on.fetching import address_is_safe
from deployhub.accounts.vocab import GROUP_MAPPINGS_MAX, IDENTITY_PROVIDERS_MAX, GlobalRole
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.usecase import usecase

MFA_VALUES_MAX = 20
TAKEN = "A provider with this short name exists already."


@usecase("identity_provider.create")
def identity_provider_create(
    *,
    actor: Actor,
    name: str,
    issuer: str,
    client_id: str,
    slug: str = "",
    client_secret: str = "",
    scopes: str | None = None,
    groups_claim: str | None = None,
    provisions: bool | None = None,
    trusted_for_mfa: bool | None = None,
    mfa_values: Sequence[str] | None = None,
    is_enabled: bool | None = None,
) -> IdentityProvider:
    """Add a provider. Its secret is sealed and shown to nobody again."""
    if IdentityProvider.objects.count() >= IDENTITY_PROVIDERS_MAX:
        raise Conflict(f"There are {IDENTITY_PROVIDERS_MAX} providers.", hint="Remove one first.")
    provider = IdentityProvider(slug=slug or slugify(name)[:40])
    provider.client_secret = client_secret
    return _write(
        provider,
        {
            "name": name.strip(),
            "issuer": issuer,
            "client_id": client_id,
            "scopes": scopes,
            "groups_claim": groups_claim,
            "provisions": provisions,
            "trusted_for_mfa": trusted_for_mfa,
            "mfa_values": mfa_values,
            "is_enabled": is_enabled,
        },
    )


@usecase("identity_provider.update", on="provider")
def identity_provider_update(
    *,
    actor: Actor,
    provider: IdentityProvider,
    name: str | None = None,
    issuer: str | None = None,
    client_id: str | None = None,
    client_secret: str = "",
    scopes: str | None = None,
    groups_claim: str | None = None,
    provisions: bool | None = None,
    trusted_for_mfa: bool | None = None,
    mfa_values: Sequence[str] | None = None,
    is_enabled: bool | None = None,
) -> IdentityProvider:
    """Change what is given; a secret that is empty is kept. Who is linked is linked to this very issuer."""
    if issuer is not None and issuer != provider.issuer and provider.identities.exists():
        sentence = "People are linked at this issuer. Add another provider in place of changing it."
        raise InvalidInput(sentence, errors={"issuer": [sentence]})
    if client_secret:
        provider.client_secret = client_secret
    return _write(
        provider,
        {
            "name": name,
            "issuer": issuer,
            "client_id": client_id,
            "scopes": scopes,
            "groups_claim": groups_claim,
            "provisions": provisions,
            "trusted_for_mfa": trusted_for_mfa,
            "mfa_values": mfa_values,
            "is_enabled": is_enabled,
        },
    )


def _write(provider: IdentityProvider, settings: dict[str, Any]) -> IdentityProvider:
    for field, value in settings.items():
        if value is not None:
            setattr(provider, field, _values_clean(value) if field == "mfa_values" else value)
    if not address_is_safe(provider.issuer) or "?" in provider.issuer:
        sentence = "Write it as https://… without a query; http only on this machine."
        raise InvalidInput("The issuer is not valid.", errors={"issuer": [sentence]})
    try:
        provider.clean_fields(exclude=["mfa_values", "sealed_secret"])
    except ValidationError as error:
        raise InvalidInput("Some of the input is not valid.", errors=error.message_dict) from error
    try:
        with transaction.atomic():
            provider.save()
    except IntegrityError as error:
        raise InvalidInput(TAKEN, errors={"slug": [TAKEN]}) from error
    touch(provider)
    return provider


def _values_clean(values: Sequence[str]) -> list[str]:
    clean = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if len(clean) > MFA_VALUES_MAX or any(len(value) > 100 for value in clean):
        sentence = f"At most {MFA_VALUES_MAX} values of at most 100 characters."
        raise InvalidInput(sentence, errors={"mfa_values": [sentence]})
    return clean


@usecase("identity_provider.remove", on="provider")
def identity_provider_remove(*, actor: Actor, provider: IdentityProvider) -> None:
    """Remove a provider: nobody signs in by it again, and roles that it gave stay as if given by hand."""
    provider.delete()


@usecase("group_mapping.create", on="provider")
def group_mapping_create(
    *, actor: Actor, provider: IdentityProvider, group: str, role: str, project_id: UUID | None = None
) -> GroupMapping:
    """Let a group give a role from the next sign-in of its members on."""
    is_global = role in GlobalRole.values
    if not is_global and role not in Role.values:
        raise InvalidInput("There is no such role.", errors={"role": ["Choose a role from the list."]})
    if is_global != (project_id is None):
        sentence = (
            "This role holds on the instance: leave the project empty." if is_global else "Choose a project."
        )
        raise InvalidInput(sentence, errors={"project_id": [sentence]})
    projects: Any = Membership._meta.get_field("project").related_model
    project = None
    if project_id is not None:
        project = projects._default_manager.filter(pk=project_id, archived_at=None).first()
        if project is None:
            raise InvalidInput("There is no such project.", errors={"project_id": ["Choose a project."]})
    if provider.mappings.count() >= GROUP_MAPPINGS_MAX:
        raise Conflict(f"There are {GROUP_MAPPINGS_MAX} mappings.", hint="Remove one first.")
    try:
        with transaction.atomic():
            return GroupMapping.objects.create(
                provider=provider, group=group.strip(), role=role, project=project
            )
    except IntegrityError as error:
        sentence = "This group gives a role there already. Remove that one first."
        raise InvalidInput(sentence, errors={"group": [sentence]}) from error


@usecase("group_mapping.remove", on="mapping")
def group_mapping_remove(*, actor: Actor, mapping: GroupMapping) -> None:
    """Let the group give it no longer: who has it by the group loses it at their next sign-in."""
    mapping.delete()

"""Reads of single sign-on: providers, mappings, and identities of one's own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.accounts.models import FederatedIdentity, GroupMapping, IdentityProvider
from deployhub.accounts.selectors import account_get
from deployhub.audit.scope import event_record
from deployhub.kernel.actor import Actor


def providers_offered() -> QuerySet[IdentityProvider]:
    """The providers that sign people in now: whoever sees the sign-in page sees their names."""
    return IdentityProvider.objects.filter(is_enabled=True)


def provider_offered(slug: str) -> IdentityProvider:
    return policy.one(providers_offered(), slug=slug)


def providers_visible(actor: Actor) -> QuerySet[Any]:
    """All providers for who may see them; each with the count of its identities."""
    if not policy.can(actor, "identity_provider.view"):
        return IdentityProvider.objects.none()
    return IdentityProvider.objects.annotate(people=Count("identities"))


def providers_read(actor: Actor) -> QuerySet[Any]:
    """The list of providers, and a record that it was read."""
    event_record(actor, "identity_provider.view")
    return providers_visible(actor)


def provider_get(actor: Actor, provider_id: UUID) -> IdentityProvider:
    return policy.one(providers_visible(actor), pk=provider_id)


def provider_read(actor: Actor, provider_id: UUID) -> IdentityProvider:
    """One provider, and a record that it was read."""
    provider = provider_get(actor, provider_id)
    event_record(actor, "identity_provider.view", provider)
    return provider


def mappings_of(provider: IdentityProvider) -> QuerySet[GroupMapping]:
    """The mappings of a provider that the actor was given."""
    return GroupMapping.objects.filter(provider=provider).select_related("project")


def mapping_get(provider: IdentityProvider, mapping_id: UUID) -> GroupMapping:
    return policy.one(mappings_of(provider), pk=mapping_id)


def projects_for_mappings(actor: Actor) -> QuerySet[Any]:
    """Living projects in which a group may give a role."""
    projects: Any = Membership._meta.get_field("project").related_model
    rows = projects._default_manager.filter(archived_at=None).order_by("name")
    return rows if policy.can(actor, "group_mapping.create") else rows.none()


def identities_own(actor: Actor) -> QuerySet[FederatedIdentity]:
    """Who the actor is at providers; nobody sees anybody else's."""
    return FederatedIdentity.objects.filter(user=account_get(actor)).select_related("provider", "user")


def identities_own_read(actor: Actor) -> QuerySet[FederatedIdentity]:
    """The own identities, and a record that they were read."""
    event_record(actor, "identity.view")
    return identities_own(actor)


def identity_get(actor: Actor, identity_id: UUID) -> FederatedIdentity:
    return policy.one(identities_own(actor), pk=identity_id)


def identities_usable(actor: Actor) -> QuerySet[FederatedIdentity]:
    """The own identities at providers that sign people in now."""
    return identities_own(actor).filter(provider__is_enabled=True)


def provider_linked(actor: Actor, provider_id: UUID) -> IdentityProvider:
    """An offered provider, by its id: to link it, or to confirm by it."""
    return policy.one(providers_offered(), pk=provider_id)

"""Identity providers and what their groups give, for administrators; auditors look."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.accounts.forms import GroupMappingForm, IdentityProviderForm
from deployhub.accounts.models import IdentityProvider
from deployhub.accounts.selectors.federation import (
    mapping_get,
    mappings_of,
    projects_for_mappings,
    provider_get,
    provider_read,
    providers_read,
)
from deployhub.accounts.services.single_sign_on import providers as services
from deployhub.accounts.services.single_sign_on.discovery import identity_provider_test
from deployhub.accounts.services.single_sign_on.flow import redirect_address
from deployhub.doors.pages import FormPage, Page

FIELDS = (
    "name", "issuer", "client_id", "scopes", "groups_claim", "provisions", "trusted_for_mfa", "is_enabled",
)  # fmt: skip


def _address(provider: IdentityProvider) -> str:
    return reverse("accounts:identity-provider", args=[provider.pk])


class IdentityProvidersPage(Page):
    permission = "identity_provider.view"
    template_name = "accounts/identity_providers.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.page(providers=list(providers_read(self.actor)))


class IdentityProviderNew(FormPage):
    permission = "identity_provider.create"
    template_name = "accounts/identity_provider_new.html"
    form_class = IdentityProviderForm
    done_message = "The provider is there. Give it the redirect address, then test the connection."

    def act(self, form: IdentityProviderForm) -> str:
        return _address(services.identity_provider_create(actor=self.actor, **form.cleaned_data))


class IdentityProviderPage(FormPage):
    """One provider: its settings, what its groups give, and the address it sends people back to."""

    permission = "identity_provider.view"
    template_name = "accounts/identity_provider.html"
    form_class = IdentityProviderForm
    done_message = "Saved. It acts on the next sign-in."

    @cached_property
    def provider(self) -> IdentityProvider:
        read = provider_read if self.request.method == "GET" else provider_get
        return read(self.actor, self.kwargs["provider_id"])

    def form(self, **kwargs: Any) -> IdentityProviderForm:
        initial = {field: getattr(self.provider, field) for field in FIELDS}
        initial["mfa_values"] = " ".join(self.provider.mfa_values)
        return IdentityProviderForm(initial=initial, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "mappings": list(mappings_of(self.provider)),
            "redirect_address": redirect_address(self.provider),
            **extra,
        }

    def act(self, form: IdentityProviderForm) -> str:
        services.identity_provider_update(actor=self.actor, provider=self.provider, **form.cleaned_data)
        return _address(self.provider)


class IdentityProviderTest(Page):
    """What the provider publishes, asked for now."""

    permission = "identity_provider.test"
    template_name = "accounts/identity_provider_test.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        provider = provider_get(self.actor, self.kwargs["provider_id"])
        return self.page(provider=provider, found=identity_provider_test(actor=self.actor, provider=provider))


class IdentityProviderRemove(Page):
    permission = "identity_provider.remove"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        provider = provider_get(self.actor, self.kwargs["provider_id"])
        services.identity_provider_remove(actor=self.actor, provider=provider)
        messages.success(request, f"{provider} signs nobody in any more.")
        return HttpResponseRedirect(reverse("accounts:identity-providers"))


class GroupMappingNew(FormPage):
    permission = "group_mapping.create"
    template_name = "accounts/group_mapping_new.html"
    form_class = GroupMappingForm
    done_message = "The group gives this role from the next sign-in of its members on."

    @cached_property
    def provider(self) -> IdentityProvider:
        return provider_get(self.actor, self.kwargs["provider_id"])

    def form(self, **kwargs: Any) -> GroupMappingForm:
        projects = [(str(project.pk), project.name) for project in projects_for_mappings(self.actor)]
        return GroupMappingForm(projects=projects, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"provider": self.provider, **extra}

    def act(self, form: GroupMappingForm) -> str:
        typed = form.cleaned_data
        services.group_mapping_create(
            actor=self.actor,
            provider=self.provider,
            group=typed["group"],
            role=typed["role"],
            project_id=UUID(typed["project"]) if typed["project"] else None,
        )
        return _address(self.provider)


class GroupMappingRemove(Page):
    permission = "group_mapping.remove"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        provider = provider_get(self.actor, self.kwargs["provider_id"])
        mapping = mapping_get(provider, self.kwargs["mapping_id"])
        services.group_mapping_remove(actor=self.actor, mapping=mapping)
        messages.success(request, "Removed. Who had the role by the group loses it at their next sign-in.")
        return HttpResponseRedirect(_address(provider))

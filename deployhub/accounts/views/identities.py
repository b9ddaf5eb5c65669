"""Who one is at identity providers: linked and unlinked by oneself; and a step-up there."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.access import policy
from deployhub.accounts.selectors import account_get
from deployhub.accounts.selectors.federation import (
    identities_own_read,
    identity_get,
    provider_linked,
    providers_offered,
)
from deployhub.accounts.services.single_sign_on.accounts import identity_unlink
from deployhub.accounts.services.single_sign_on.fetching import ProviderUnavailable
from deployhub.accounts.services.single_sign_on.flow import SignOnPurpose, flow_begin
from deployhub.accounts.views.step_up import onward_address
from deployhub.doors.pages import Page
from deployhub.kernel.errors import Conflict


class IdentitiesPage(Page):
    permission = "identity.view"
    template_name = "accounts/identities.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        mine = list(identities_own_read(self.actor))
        linked = {identity.provider_id for identity in mine}
        others = [provider for provider in providers_offered() if provider.pk not in linked]
        return self.page(identities=mine, others=others, tab="identities")


class _ToProvider(Page):
    """Shows where it goes and goes there. No redirect: the browser forbids a form to end on another site."""

    template_name = "accounts/sign_on_go.html"
    purpose: SignOnPurpose

    def go(self, request: HttpRequest, onward: str) -> HttpResponse:
        provider = provider_linked(self.actor, self.kwargs["provider_id"])
        try:
            address = flow_begin(
                request,
                provider=provider,
                purpose=self.purpose,
                next_address=onward,
                user_id=str(self.actor.user_id),
            )
        except ProviderUnavailable as error:
            return self.page(template="accounts/sign_on_failed.html", status=error.status, error=error)
        shown = self.page(provider=provider, address=address)
        shown.headers["Refresh"] = f"0; url={address}"
        return shown


@method_decorator(never_cache, name="dispatch")
class IdentityLink(_ToProvider):
    """A POST with a CSRF token: nobody else may begin a link to this account."""

    permission = "identity.link"
    purpose = SignOnPurpose.LINK

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        policy.require(self.actor, self.permission, account_get(self.actor))
        return self.go(request, reverse("accounts:identities"))


@method_decorator(never_cache, name="dispatch")
class StepUpAtProvider(_ToProvider):
    """For who has nothing stronger of their own: the provider asks them again."""

    permission = "mfa.step_up"
    purpose = SignOnPurpose.STEP_UP

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.go(request, onward_address(request))


class IdentityUnlink(Page):
    permission = "identity.unlink"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        identity = identity_get(self.actor, self.kwargs["identity_id"])
        try:
            identity_unlink(actor=self.actor, identity=identity)
            messages.success(request, f"{identity.provider} does not sign you in any more.")
        except Conflict as error:
            messages.error(request, f"{error.detail} {error.hint}")
        return HttpResponseRedirect(reverse("accounts:identities"))

"""Sign-in by an identity provider: the way there, and the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.accounts.services.single_sign_on.fetching import ProviderUnavailable, SignOnFailed
from deployhub.accounts.services.single_sign_on.finishing import sign_on_finish, sign_on_provider
from deployhub.accounts.services.single_sign_on.flow import SignOnPurpose, flow_begin
from deployhub.accounts.views.sign_in import safe_next
from deployhub.doors.pages import Page
from deployhub.kernel.errors import Conflict, RateLimited


class _SignOnPage(Page):
    template_name = "accounts/sign_on_failed.html"

    def failed(self, error: Any) -> HttpResponse:
        return self.page(status=error.status, error=error)


@method_decorator(never_cache, name="dispatch")
class SignOnStart(_SignOnPage):
    public = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        onward = safe_next(request.GET.get("next", ""))
        if request.user.is_authenticated:
            return HttpResponseRedirect(onward)
        provider = sign_on_provider(self.kwargs["slug"])
        try:
            address = flow_begin(
                request, provider=provider, purpose=SignOnPurpose.SIGN_IN, next_address=onward
            )
        except ProviderUnavailable as error:
            return self.failed(error)
        return HttpResponseRedirect(address)


@method_decorator(never_cache, name="dispatch")
class SignOnCallback(_SignOnPage):
    public = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        provider = sign_on_provider(self.kwargs["slug"])
        try:
            purpose, onward, done = sign_on_finish(
                request, actor=self.actor, provider=provider, answer=request.GET
            )
        except (SignOnFailed, ProviderUnavailable, RateLimited, Conflict) as error:
            return self.failed(error)
        if not done:
            return HttpResponseRedirect(reverse("accounts:sign-in-verify"))
        if purpose is SignOnPurpose.LINK:
            messages.success(request, f"Linked. You can sign in with {provider.name} from now on.")
        return HttpResponseRedirect(safe_next(onward))

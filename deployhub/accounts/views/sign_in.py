"""Sign-in, second step, sign-out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from deployhub.accounts.forms import SignInForm
from deployhub.accounts.selectors import second_factors_of
from deployhub.accounts.selectors.federation import providers_offered
from deployhub.accounts.services.ceremonies import Purpose, assertion_begin, site_of
from deployhub.accounts.services.sign_in import (
    PendingSignIn,
    password_step,
    pending_sign_in,
    second_step,
    session_end,
)
from deployhub.accounts.vocab import Factor
from deployhub.doors.pages import FormPage, Page
from deployhub.kernel.errors import InvalidInput, RateLimited


def safe_next(address: str) -> str:
    """`address` if it lies on this site, else the dashboard."""
    if address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        return address
    return reverse("portal:dashboard")


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class SignInPage(FormPage):
    public = True
    template_name = "accounts/sign_in.html"
    form_class = SignInForm

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            "next": self.request.POST.get("next") or self.request.GET.get("next", ""),
            "providers": providers_offered(),
            **extra,
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request.GET.get("next", "")))
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request.POST.get("next", "")))
        return super().post(request, *args, **kwargs)

    def act(self, form: SignInForm) -> str:
        address = safe_next(self.request.POST.get("next", ""))
        done = password_step(
            self.request,
            actor=self.actor,
            username=form.cleaned_data["username"],
            password=form.cleaned_data["password"],
            next_address=address,
        )
        return address if done else reverse("accounts:sign-in-verify")


@method_decorator(never_cache, name="dispatch")
class SecondStepPage(Page):
    """The code of the authenticator app, or `?with=recovery` a recovery code."""

    public = True
    template_name = "accounts/sign_in_verify.html"

    def _pending(self) -> PendingSignIn | None:
        return None if self.request.user.is_authenticated else pending_sign_in(self.request)

    def _face(
        self, pending: PendingSignIn, *, factor: Factor, error: str = "", status: int = 200
    ) -> HttpResponse:
        site, factors = site_of(self.request), second_factors_of(pending.user.pk)
        passkeys = pending.user.passkeys.filter(confirmed=True, site=site.name)
        options = (
            assertion_begin(self.request, purpose=Purpose.SECOND_STEP, passkeys=passkeys)
            if not site.trouble and passkeys
            else ""
        )
        recovery = factor is Factor.RECOVERY_CODE or not (factors.has_app or options)
        return self.page(
            status=status,
            person=pending.user,
            by_provider=pending.by_provider,
            recovery=recovery,
            error=error,
            factors=factors,
            options=options,
            site=site,
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pending = self._pending()
        if pending is None:
            return HttpResponseRedirect(reverse("accounts:sign-in"))
        factor = Factor.RECOVERY_CODE if request.GET.get("with") == "recovery" else Factor.TOTP
        return self._face(pending, factor=factor)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pending = self._pending()
        if pending is None:
            return HttpResponseRedirect(reverse("accounts:sign-in"))
        names = {"recovery_code": Factor.RECOVERY_CODE, "credential": Factor.PASSKEY, "code": Factor.TOTP}
        field = next((name for name in names if name in request.POST), "code")
        factor, code = names[field], request.POST.get(field, "")
        if factor is not Factor.PASSKEY:
            code = code[:64]
        try:
            second_step(request, actor=self.actor, pending=pending, code=code, factor=factor)
        except (InvalidInput, RateLimited) as error:
            return self._face(
                pending, factor=factor, error=f"{error.detail} {error.hint}", status=error.status
            )
        return HttpResponseRedirect(safe_next(pending.next_address))


@method_decorator(never_cache, name="dispatch")
class SignOutPage(Page):
    """Only POST signs out: a link on another site must not."""

    public = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(
            reverse("portal:dashboard" if request.user.is_authenticated else "accounts:sign-in")
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session_end(request, actor=self.actor)
        response = HttpResponseRedirect(reverse("accounts:sign-in"))
        # Not "cookies": that would end the sessions of every other service below the same domain.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

"""Step-up: confirm that it is you, and go on where you were."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from deployhub.accounts.selectors import account_get, passkeys_own, second_factors_own
from deployhub.accounts.selectors.federation import identities_usable
from deployhub.accounts.services.ceremonies import (
    ANSWER_CHARACTERS_MAX,
    Purpose,
    assertion_begin,
    site_of,
)
from deployhub.accounts.services.step_up import step_up_show
from deployhub.accounts.vocab import Factor
from deployhub.doors.pages import Page
from deployhub.doors.step_up import kept_form_take, safe_address
from deployhub.kernel.errors import InvalidInput, RateLimited

SHOWN_MAX = 256


def _asked(request: HttpRequest, name: str) -> str:
    return str(request.POST.get(name) or request.GET.get(name, ""))


def onward_address(request: HttpRequest) -> str:
    """Where to go after the step-up: to what was wanted, or to the form that is to be sent again."""
    wanted = safe_address(request, _asked(request, "next"))
    if _asked(request, "again") == "1":
        return f"{reverse('accounts:step-up-again')}?{urlencode({'next': wanted})}"
    return wanted


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class StepUpPage(Page):
    """Asks for the strongest factor first; what was sent meanwhile is sent again afterwards."""

    permission = "mfa.step_up"
    template_name = "accounts/step_up.html"

    def context(self, **extra: Any) -> dict[str, Any]:
        factors, site = second_factors_own(self.actor), site_of(self.request)
        passkeys = passkeys_own(self.actor).filter(confirmed=True, site=site.name)
        options = (
            assertion_begin(self.request, purpose=Purpose.STEP_UP, passkeys=passkeys)
            if not site.trouble and passkeys
            else ""
        )
        return {
            "person": account_get(self.actor),
            "site": site,
            "options": options,
            "next": safe_address(self.request, _asked(self.request, "next")),
            "again": _asked(self.request, "again") == "1",
            "factors": factors,
            "identities": [] if factors.has_any else list(identities_usable(self.actor)),
            "factor": self._factor_asked(
                has_app=factors.has_app, has_passkey=bool(options), has_any=factors.has_any
            ),
            **extra,
        }

    def _factor_asked(self, *, has_app: bool, has_passkey: bool, has_any: bool) -> str:
        if not has_any:
            return Factor.PASSWORD
        recovery = self.request.GET.get("with") == "recovery" or "recovery_code" in self.request.POST
        if recovery or not (has_app or has_passkey):
            return Factor.RECOVERY_CODE
        return Factor.TOTP if has_app else Factor.PASSKEY

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.page()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        names = {
            "credential": Factor.PASSKEY,
            "code": Factor.TOTP,
            "recovery_code": Factor.RECOVERY_CODE,
            "password": Factor.PASSWORD,
        }
        field = next((name for name in names if name in request.POST), "password")
        try:
            step_up_show(
                request,
                actor=self.actor,
                user=account_get(self.actor),
                factor=names[field],
                shown=request.POST.get(field, "")[
                    : ANSWER_CHARACTERS_MAX if field == "credential" else SHOWN_MAX
                ],
            )
        except (InvalidInput, RateLimited) as error:
            return self.page(status=error.status, error=f"{error.detail} {error.hint}".strip())
        return HttpResponseRedirect(onward_address(request))


@method_decorator(never_cache, name="dispatch")
class StepUpAgain(Page):
    """The form that was sent before the step-up, on its way once more: by itself, or by a button without scripts."""

    permission = "mfa.step_up"
    template_name = "accounts/step_up_again.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        kept = kept_form_take(request)
        if kept is None:
            return HttpResponseRedirect(safe_address(request, request.GET.get("next", "")))
        return self.page(kept=kept, next=safe_address(request, request.GET.get("next", "")))

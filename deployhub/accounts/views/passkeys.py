"""Making a passkey, trying it, and signing in with one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from deployhub.accounts.forms import PasskeyForm
from deployhub.accounts.models import Passkey
from deployhub.accounts.selectors import account_get, passkey_get
from deployhub.accounts.services.ceremonies import (
    Purpose,
    assertion_begin,
    assertion_verify,
    registration_begin,
    registration_verify,
    site_of,
)
from deployhub.accounts.services.passkeys import passkey_confirm, passkey_register
from deployhub.accounts.services.sign_in import passkey_sign_in
from deployhub.accounts.services.step_up import freshness_stamp
from deployhub.accounts.vocab import Factor
from deployhub.doors.pages import FormPage, Page
from deployhub.doors.step_up import safe_address
from deployhub.doors.vocab import SESSION_FACTOR
from deployhub.kernel.errors import Conflict, InvalidInput, RateLimited


@method_decorator(never_cache, name="dispatch")
class PasskeyNew(FormPage):
    """Name it, and let the browser make it."""

    permission = "mfa.enrol"
    template_name = "accounts/passkey_new.html"
    form_class = PasskeyForm

    def context(self, **extra: Any) -> dict[str, Any]:
        site = site_of(self.request)
        options = "" if site.trouble else registration_begin(self.request, user=account_get(self.actor))
        return {"tab": "second_factor", "site": site, "options": options, **extra}

    def act(self, form: PasskeyForm) -> str:
        made, transports = registration_verify(self.request, answer=form.cleaned_data["credential"])
        passkey = passkey_register(
            actor=self.actor,
            user=account_get(self.actor),
            name=form.cleaned_data["name"],
            site=site_of(self.request).name,
            made=made,
            transports=transports,
        )
        return reverse("accounts:passkey-try", args=[passkey.pk])


@method_decorator(never_cache, name="dispatch")
class PasskeyTry(Page):
    """A passkey takes effect when it was shown once."""

    permission = "mfa.enrol"
    template_name = "accounts/passkey_try.html"

    def _face(self, passkey: Passkey, *, error: str = "", status: int = 200) -> HttpResponse:
        options = assertion_begin(self.request, purpose=Purpose.TRY, passkeys=[passkey])
        return self.page(status=status, passkey=passkey, options=options, error=error, tab="second_factor")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        passkey = passkey_get(self.actor, self.kwargs["passkey_id"])
        return HttpResponseRedirect(reverse("accounts:mfa")) if passkey.confirmed else self._face(passkey)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        passkey = passkey_get(self.actor, self.kwargs["passkey_id"])
        shown = assertion_verify(
            request,
            actor=self.actor,
            purpose=Purpose.TRY,
            answer=request.POST.get("credential", ""),
            user=passkey.user,
        )
        if shown is None:
            return self._face(passkey, error="This passkey was not accepted. Try again.", status=400)
        try:
            codes = passkey_confirm(actor=self.actor, passkey=passkey, shown=shown)
        except Conflict as error:
            return self._face(passkey, error=f"{error.detail} {error.hint}".strip(), status=409)
        update_session_auth_hash(request, account_get(self.actor))
        request.session[SESSION_FACTOR] = Factor.PASSKEY.value
        freshness_stamp(request)
        request.mfa_days_left = None  # type: ignore[attr-defined]
        if codes:
            return self.page(template="accounts/recovery_codes.html", codes=codes, first=True)
        messages.success(request, "The passkey is set up. Your other sessions have ended.")
        return HttpResponseRedirect(reverse("accounts:mfa"))


@method_decorator(never_cache, name="dispatch")
class PasskeySignIn(Page):
    """Sign in without a password."""

    public = True
    template_name = "accounts/sign_in_passkey.html"

    def _face(self, *, error: str = "", status: int = 200) -> HttpResponse:
        site = site_of(self.request)
        options = (
            "" if site.trouble else assertion_begin(self.request, purpose=Purpose.SIGN_IN, passkeys=None)
        )
        address = str(self.request.POST.get("next") or self.request.GET.get("next", ""))
        query = f"?{urlencode({'next': address})}" if address else ""
        return self.page(
            status=status, site=site, options=options, error=error, next=address, next_query=query
        )

    def _onward(self) -> HttpResponse:
        address = str(self.request.POST.get("next") or self.request.GET.get("next", ""))
        return HttpResponseRedirect(safe_address(self.request, address))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._onward() if request.user.is_authenticated else self._face()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return self._onward()
        try:
            passkey_sign_in(request, actor=self.actor, answer=request.POST.get("credential", ""))
        except (InvalidInput, RateLimited) as error:
            return self._face(error=f"{error.detail} {error.hint}".strip(), status=error.status)
        return self._onward()

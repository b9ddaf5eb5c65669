"""The own second factor: set up, remove, recovery codes."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login

from deployhub.accounts.forms import TotpConfirmForm
from deployhub.accounts.models import Passkey, TotpDevice
from deployhub.accounts.selectors import (
    account_get,
    passkey_get,
    passkeys_own,
    recovery_codes_left,
    second_factor_is_on,
    totp_device_get,
    totp_devices_own,
)
from deployhub.accounts.selectors.resets import mfa_reset_of
from deployhub.accounts.services.ceremonies import site_of
from deployhub.accounts.services.enrolment import (
    enrolment_address,
    factor_remove,
    factor_rename,
    recovery_codes_renew,
    seed_text,
    totp_confirm,
    totp_enrol,
)
from deployhub.accounts.services.step_up import freshness_stamp
from deployhub.accounts.vocab import RECOVERY_CODES_LOW, Factor
from deployhub.doors.pages import FormPage, Page
from deployhub.doors.vocab import SESSION_FACTOR
from deployhub.kernel.errors import Conflict, InvalidInput


def qr_image(text: str) -> str:
    """A QR code as the source of an <img>: the strict Content-Security-Policy admits data images, no inline style."""
    return segno.make(text, error="m").svg_data_uri(scale=4, border=2, dark="#000", light="#fff")


@method_decorator(never_cache, name="dispatch")
class SecondFactorPage(Page):
    """What is set up, and the way to set up, remove and renew."""

    permission = "account.view"
    template_name = "accounts/second_factor.html"

    def context(self, **extra: Any) -> dict[str, Any]:
        left = recovery_codes_left(self.actor)
        return {
            "tab": "second_factor",
            "factors": [
                {"kind": "passkey", "it": passkey}
                for passkey in passkeys_own(self.actor).filter(confirmed=True)
            ]
            + [
                {"kind": "app", "it": device}
                for device in totp_devices_own(self.actor).filter(confirmed=True)
            ],
            "site": site_of(self.request),
            "mfa_reset": mfa_reset_of(account_get(self.actor).pk),
            "codes_left": left,
            "codes_low": left <= RECOVERY_CODES_LOW,
            **extra,
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.page()


@method_decorator(never_cache, name="dispatch")
class SecondFactorNew(Page):
    permission = "mfa.enrol"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        device = totp_enrol(actor=self.actor, user=account_get(self.actor))
        return HttpResponseRedirect(reverse("accounts:mfa-confirm", args=[device.pk]))


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SecondFactorConfirm(FormPage):
    """Shows the seed, as QR code and as text, until a first code proves that the app has it."""

    permission = "mfa.enrol"
    template_name = "accounts/second_factor_confirm.html"
    form_class = TotpConfirmForm

    @property
    def device(self) -> TotpDevice:
        return totp_device_get(self.actor, self.kwargs["device_id"])

    def context(self, **extra: Any) -> dict[str, Any]:
        if "codes" in extra:
            return extra
        device = self.device
        image = qr_image(enrolment_address(device))
        return {"tab": "second_factor", "qr_image": image, "seed_text": seed_text(device), **extra}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.device.confirmed:  # its seed is not shown again
            return HttpResponseRedirect(reverse("accounts:mfa"))
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.device.confirmed:
            return HttpResponseRedirect(reverse("accounts:mfa"))
        return super().post(request, *args, **kwargs)

    def act(self, form: TotpConfirmForm) -> str | HttpResponse:
        device = self.device
        codes = totp_confirm(actor=self.actor, device=device, **form.cleaned_data)
        update_session_auth_hash(self.request, account_get(self.actor))
        otp_login(self.request, device)
        self.request.session[SESSION_FACTOR] = Factor.TOTP.value
        freshness_stamp(self.request)
        self.request.mfa_days_left = None  # type: ignore[attr-defined]
        if codes:
            return self.page(template="accounts/recovery_codes.html", codes=codes, first=True)
        messages.success(self.request, "The device is set up. Your other sessions have ended.")
        return reverse("accounts:mfa")


class _FactorAct(Page):
    """A button of the list: an authenticator app or, by its own address, a passkey."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("accounts:mfa"))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "passkey_id" in self.kwargs:
            factor: TotpDevice | Passkey = passkey_get(self.actor, self.kwargs["passkey_id"])
        else:
            factor = totp_device_get(self.actor, self.kwargs["device_id"])
        try:
            self.act(factor)
        except (Conflict, InvalidInput) as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
        return HttpResponseRedirect(reverse("accounts:mfa"))

    def act(self, factor: TotpDevice | Passkey) -> None:
        raise NotImplementedError


class SecondFactorRemove(_FactorAct):
    permission = "mfa.remove"

    def act(self, factor: TotpDevice | Passkey) -> None:
        user = factor_remove(actor=self.actor, device=factor)
        update_session_auth_hash(self.request, user)
        if not second_factor_is_on(user.pk):
            self.request.session[SESSION_FACTOR] = Factor.PASSWORD.value
        messages.success(self.request, f"“{factor.name}” was removed. Your other sessions have ended.")


class SecondFactorRename(_FactorAct):
    permission = "mfa.rename"

    def act(self, factor: TotpDevice | Passkey) -> None:
        factor_rename(actor=self.actor, device=factor, name=self.request.POST.get("name", ""))


@method_decorator(never_cache, name="dispatch")
class RecoveryCodesNew(Page):
    permission = "mfa.recovery"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("accounts:mfa"))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        codes = recovery_codes_renew(actor=self.actor, user=account_get(self.actor))
        return self.page(template="accounts/recovery_codes.html", codes=codes, first=False)

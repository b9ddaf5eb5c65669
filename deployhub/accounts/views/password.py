"""The own password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from deployhub.accounts.forms import PASSWORD_CHARACTERS_MAX, PasswordForm
from deployhub.accounts.password_strength import strength_of
from deployhub.accounts.selectors import account_get
from deployhub.accounts.services.passwords import password_change
from deployhub.accounts.services.proof import identity_prove
from deployhub.doors.pages import FormPage, Page


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class PasswordPage(FormPage):
    """Change it; after a one-time password this is the first page, and the old one is not asked again."""

    permission = "account.password"
    form_class = PasswordForm
    done_message = "Your password was changed. Your other sessions have ended."

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"tab": "password", **extra}

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        forced = getattr(request.user, "must_change_password", False)
        self.template_name = "accounts/password_first.html" if forced else "accounts/password.html"  # type: ignore[misc]
        return super().dispatch(request, *args, **kwargs)

    def form(self, **kwargs: Any) -> PasswordForm:
        return PasswordForm(ask_old=not self.request.user.must_change_password, **kwargs)  # type: ignore[union-attr]

    def act(self, form: PasswordForm) -> str:
        user = account_get(self.actor)
        forced = user.must_change_password
        proof = None
        if not forced:
            old = form.cleaned_data["old_password"]
            proof = identity_prove(actor=self.actor, user=user, proof=old, field="old_password")
        changed = password_change(
            actor=self.actor, user=user, proof=proof, new_password=form.cleaned_data["new_password"]
        )
        update_session_auth_hash(self.request, changed)
        return reverse("portal:dashboard") if forced else reverse("accounts:account")


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class PasswordStrength(Page):
    """What the meter beside the field says while a password is typed: the same judgement that decides."""

    permission = "account.password"
    template_name = "accounts/_password_strength.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        typed = request.POST.get("new_password", "")[:PASSWORD_CHARACTERS_MAX]
        return self.page(strength=strength_of(typed, request.user), typed=bool(typed))

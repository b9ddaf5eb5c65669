"""The own account: who I am and what I may do."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from deployhub.access.vocab import ROLE_DESCRIPTIONS
from deployhub.accounts.forms import ProfileForm
from deployhub.accounts.selectors import account_get, memberships_own
from deployhub.accounts.services.profile import account_update
from deployhub.doors.pages import FormPage


class AccountPage(FormPage):
    permission = "account.view"
    template_name = "accounts/account.html"
    form_class = ProfileForm
    done_message = "Saved."

    def form(self, **kwargs: Any) -> ProfileForm:
        me = account_get(self.actor)
        return ProfileForm(initial={"name": me.name, "email": me.email}, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        roles = [
            {
                "project": m.project,
                "role": m.role_label,
                "meaning": m.custom_role.description if m.custom_role else ROLE_DESCRIPTIONS[m.role],
                "until": m.expires_at,
            }
            for m in memberships_own(self.actor)
        ]
        return {"me": account_get(self.actor), "roles": roles, "tab": "profile", **extra}

    def act(self, form: ProfileForm) -> str:
        account_update(actor=self.actor, user=account_get(self.actor), **form.cleaned_data)
        return reverse("accounts:account")

"""The security policy of the installation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from deployhub.accounts.forms import SecurityPolicyForm
from deployhub.accounts.models.security_policy import ROLES_OF_DEMAND, SecurityPolicy
from deployhub.accounts.selectors import mfa_reach, security_policy_read
from deployhub.accounts.services.security import security_update
from deployhub.doors.pages import FormPage, Page

FIELDS = (
    "mfa_required_for_all",
    "mfa_required_roles",
    "mfa_grace_days",
    "step_up_minutes",
    "session_idle_minutes",
    "session_absolute_hours",
)


class SecurityPolicyPage(FormPage):
    """What is demanded of whom; administrators change it, auditors read it."""

    permission = "security.view"
    template_name = "accounts/security.html"
    form_class = SecurityPolicyForm
    done_message = "Saved. It acts on the next request of everybody."

    def form(self, **kwargs: Any) -> SecurityPolicyForm:
        policy = SecurityPolicy.current()
        return SecurityPolicyForm(initial={field: getattr(policy, field) for field in FIELDS}, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        form: SecurityPolicyForm = extra["form"]
        chosen = form["mfa_required_roles"].value() or []
        for_all = bool(form["mfa_required_for_all"].value())
        return {
            "roles": [(role, label, role in chosen) for role, label in ROLES_OF_DEMAND],
            "for_all": for_all,
            "reach": mfa_reach(for_all=for_all, roles=chosen),
            **extra,
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        security_policy_read(self.actor)
        return super().get(request, *args, **kwargs)

    def act(self, form: SecurityPolicyForm) -> str:
        security_update(actor=self.actor, **form.cleaned_data)
        return reverse("accounts:security")


class SecurityPreview(Page):
    """How many people a demand would reach, before it is saved."""

    permission = "security.view"
    template_name = "accounts/_security_reach.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        for_all = request.GET.get("mfa_required_for_all") == "on"
        return self.page(reach=mfa_reach(for_all=for_all, roles=request.GET.getlist("mfa_required_roles")))

"""All tokens of the installation, and what turned up where it should not be."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.accounts.filters import IssuedTokenFilterSet
from deployhub.accounts.forms import LeakCheckForm, LeakReportForm
from deployhub.accounts.selectors import project_names, token_issued_get, tokens_issued_read
from deployhub.accounts.services.leaks import leak_check, leak_report
from deployhub.accounts.services.tokens import token_revoke_any
from deployhub.accounts.views.tokens import token_rows
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.errors import Conflict


class IssuedTokensPage(ListPage):
    permission = "token.view_all"
    template_name = "accounts/issued_tokens.html"
    filterset_class = IssuedTokenFilterSet
    sorts = ("label", "expires_at", "created_at")

    def queryset(self) -> QuerySet:
        return tokens_issued_read(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        listing = extra.get("listing")
        tokens = listing.rows if listing else []
        return {"tab": "issued", "rows": token_rows(tokens, project_names(tokens)), **extra}


class IssuedTokenRevoke(Page):
    permission = "token.revoke_any"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        token = token_issued_get(self.actor, self.kwargs["token_id"])
        try:
            token_revoke_any(actor=self.actor, token=token)
            messages.success(request, f"“{token.label}” of {token.user} is revoked.")
        except Conflict as error:
            messages.error(request, error.detail)
        return HttpResponseRedirect(reverse("accounts:issued-tokens"))


@method_decorator(never_cache, name="dispatch")
class LeakCheckPage(FormPage):
    """Paste a text or a file: which of our tokens stand in it, and could somebody still use them?"""

    permission = "token.check_leak"
    template_name = "accounts/leak_check.html"
    form_class = LeakCheckForm

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"tab": "issued", **extra}

    def act(self, form: LeakCheckForm) -> HttpResponse:
        revoke = form.cleaned_data["revoke"]
        found = leak_check(actor=self.actor, text=form.cleaned_data["text"], revoke=revoke)
        return self.page(form=LeakCheckForm(), found=found, looked=True, revoked=revoke)


@method_decorator(never_cache, name="dispatch")
class LeakReportPage(FormPage):
    """Anybody who found a token says so here. The answer is the same whatever was sent."""

    public = True
    template_name = "accounts/leak_report.html"
    form_class = LeakReportForm

    def act(self, form: LeakReportForm) -> HttpResponse:
        leak_report(actor=self.actor, text=form.cleaned_data["text"])
        return self.page(form=None, sent=True)

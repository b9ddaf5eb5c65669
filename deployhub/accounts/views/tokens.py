"""The own API tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.access.vocab import TokenScope
from deployhub.accounts.filters import TokenFilterSet
from deployhub.accounts.forms import TokenForm
from deployhub.accounts.selectors import account_get, memberships_own, token_get, tokens_visible
from deployhub.accounts.services.tokens import token_create, token_revoke
from deployhub.doors.pages import FormPage, ListPage, Page


class TokensPage(ListPage):
    permission = "token.view"
    template_name = "accounts/tokens.html"
    filterset_class = TokenFilterSet
    sorts = ("label", "expires_at", "created_at")

    def queryset(self) -> QuerySet:
        return tokens_visible(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        names = {str(m.project_id): m.project.name for m in memberships_own(self.actor)}
        listing = extra.get("listing")
        rows = [
            {
                "token": token,
                "projects": [names.get(project_id, "a project you left") for project_id in token.project_ids],
                "scopes": [TokenScope(scope).label.partition(":")[0] for scope in token.scopes],
            }
            for token in (listing.rows if listing else ())
        ]
        return {"tab": "tokens", "rows": rows, **extra}


@method_decorator(never_cache, name="dispatch")
class TokenNewPage(FormPage):
    """The new token's text is in the answer to the POST, and in no other."""

    permission = "token.create"
    template_name = "accounts/token_new.html"
    form_class = TokenForm

    def form(self, **kwargs: Any) -> TokenForm:
        projects = [(str(m.project_id), m.project.name) for m in memberships_own(self.actor)]
        return TokenForm(projects=projects, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        form: TokenForm | None = extra.get("form")
        if form is None:
            return extra
        scopes = []
        for value, label in TokenScope.choices:
            name, _, meaning = label.partition(":")
            words = meaning.strip()
            scopes.append({"value": value, "name": name, "meaning": words[:1].upper() + words[1:]})
        return {
            "tab": "tokens",
            "scopes": scopes,
            "chosen_scopes": form["scopes"].value() or [],
            "chosen_projects": form["projects"].value() or [],
            **extra,
        }

    def act(self, form: TokenForm) -> HttpResponse:
        token, text = token_create(
            actor=self.actor,
            user=account_get(self.actor),
            label=form.cleaned_data["label"],
            scopes=form.cleaned_data["scopes"],
            project_ids=[UUID(project_id) for project_id in form.cleaned_data["projects"]],
            life_days=form.cleaned_data["life_days"],
        )
        origin = self.request.build_absolute_uri("/").rstrip("/")
        return self.page(
            template="accounts/token_made.html", token=token, text=text, origin=origin, tab="tokens"
        )


class TokenRevoke(Page):
    permission = "token.revoke"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        token = token_revoke(actor=self.actor, token=token_get(self.actor, self.kwargs["token_id"]))
        messages.success(request, f"“{token.label}” is revoked: its next request is refused.")
        return HttpResponseRedirect(reverse("accounts:tokens"))

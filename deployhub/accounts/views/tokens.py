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

from deployhub.access.vocab import PERMISSIONS, TokenScope
from deployhub.accounts.filters import TokenFilterSet
from deployhub.accounts.forms import OverlapForm, TokenForm
from deployhub.accounts.models import ApiToken
from deployhub.accounts.selectors import (
    account_get,
    memberships_own,
    permissions_choosable,
    token_get,
    tokens_visible,
)
from deployhub.accounts.services.tokens import token_create, token_revoke, token_rotate
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.errors import Conflict, InvalidInput

OVERLAPS = [("60", "1 hour"), ("1440", "1 day"), ("10080", "7 days"), ("20160", "14 days")]


def token_rows(tokens: list[ApiToken], names: dict[str, str]) -> list[dict[str, Any]]:
    """What a list shows of each token. `names`: of the projects that the reader knows, by id."""
    return [
        {
            "token": token,
            "projects": [
                names.get(project_id, "a project you are not in") for project_id in token.project_ids
            ],
            "scopes": [TokenScope(scope).label.partition(":")[0] for scope in token.scopes],
        }
        for token in tokens
    ]


def choices_shown(form: TokenForm) -> dict[str, Any]:
    """Scopes with their meaning, and what is ticked."""
    scopes = []
    for value, label in TokenScope.choices:
        name, _, meaning = label.partition(":")
        words = meaning.strip()
        scopes.append({"value": value, "name": name, "meaning": words[:1].upper() + words[1:]})
    return {
        "scopes": scopes,
        "chosen_scopes": form["scopes"].value() or [],
        "chosen_permissions": form["permissions"].value() or [],
        "chosen_projects": form["projects"].value() or [],
    }


def rights_typed(form: TokenForm) -> dict[str, Any]:
    """The fields of the form as the use cases take them."""
    typed = form.cleaned_data
    return {
        "label": typed["label"],
        "scopes": typed["scopes"],
        "permissions": typed["permissions"],
        "project_ids": [UUID(project_id) for project_id in typed["projects"]],
        "networks": typed["networks"],
        "life_days": typed["life_days"],
    }


def overlap_typed(request: HttpRequest) -> int:
    form = OverlapForm(request.POST)
    if not form.is_valid():
        raise InvalidInput("The overlap is 1 minute to 14 days.", hint="Choose one from the list.")
    return int(form.cleaned_data["overlap_minutes"])


def permission_choices(codes: list[str]) -> list[tuple[str, str]]:
    return [(code, PERMISSIONS[code].label) for code in codes]


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
        rows = token_rows(listing.rows if listing else [], names)
        return {"tab": "tokens", "rows": rows, "overlaps": OVERLAPS, **extra}


@method_decorator(never_cache, name="dispatch")
class TokenNewPage(FormPage):
    """The new token's text is in the answer to the POST, and in no other."""

    permission = "token.create"
    template_name = "accounts/token_new.html"
    form_class = TokenForm

    def form(self, **kwargs: Any) -> TokenForm:
        projects = [(str(m.project_id), m.project.name) for m in memberships_own(self.actor)]
        permissions = permission_choices(permissions_choosable(account_get(self.actor)))
        return TokenForm(projects=projects, permissions=permissions, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        form: TokenForm | None = extra.get("form")
        return extra if form is None else {"tab": "tokens", **choices_shown(form), **extra}

    def act(self, form: TokenForm) -> HttpResponse:
        token, text = token_create(actor=self.actor, user=account_get(self.actor), **rights_typed(form))
        return token_shown(self, token, text, back=reverse("accounts:tokens"))


def token_shown(page: Page, token: ApiToken, text: str, *, back: str) -> HttpResponse:
    """The one answer that holds the token's text."""
    origin = page.request.build_absolute_uri("/").rstrip("/")
    return page.page(
        template="accounts/token_made.html", token=token, text=text, origin=origin, tab="tokens", back=back
    )


@method_decorator(never_cache, name="dispatch")
class TokenRotate(Page):
    permission = "token.rotate"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        old = token_get(self.actor, self.kwargs["token_id"])
        back = reverse("accounts:tokens")
        try:
            token, text = token_rotate(actor=self.actor, token=old, overlap_minutes=overlap_typed(request))
        except (Conflict, InvalidInput) as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
            return HttpResponseRedirect(back)
        return token_shown(self, token, text, back=back)


class TokenRevoke(Page):
    permission = "token.revoke"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        token = token_revoke(actor=self.actor, token=token_get(self.actor, self.kwargs["token_id"]))
        messages.success(request, f"“{token.label}” is revoked: its next request is refused.")
        return HttpResponseRedirect(reverse("accounts:tokens"))

"""Service accounts of the projects that one may see, and their tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.accounts.filters import ServiceAccountFilterSet
from deployhub.accounts.forms import ServiceAccountForm, ServiceAccountNewForm, TokenForm
from deployhub.accounts.models import ServiceAccount
from deployhub.accounts.selectors import (
    permissions_choosable,
    project_for_service,
    projects_for_services,
    service_account_get,
    service_account_read,
    service_accounts_read,
    service_token_get,
    service_tokens,
    user_memberships,
)
from deployhub.accounts.services import service_accounts as services
from deployhub.accounts.views.tokens import (
    OVERLAPS,
    choices_shown,
    overlap_typed,
    permission_choices,
    rights_typed,
    token_rows,
    token_shown,
)
from deployhub.audit.selectors import object_history
from deployhub.audit.vocab import Operation
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.errors import Conflict, InvalidInput

HISTORY_LINES = 12
TOKENS_SHOWN = 50


def _address(service: ServiceAccount) -> str:
    return reverse("accounts:service-account", args=[service.pk])


class ServiceAccountsPage(ListPage):
    permission = "service.view"
    template_name = "accounts/service_accounts.html"
    filterset_class = ServiceAccountFilterSet
    sorts = ("created_at",)

    def queryset(self) -> QuerySet:
        return service_accounts_read(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"tab": "services", "may_create": projects_for_services(self.actor).exists(), **extra}


class ServiceAccountNewPage(FormPage):
    permission = "service.create"
    template_name = "accounts/service_account_new.html"
    form_class = ServiceAccountNewForm
    done_message = "The service account is there. Give it a token next."

    def form(self, **kwargs: Any) -> ServiceAccountNewForm:
        projects = [(str(p.pk), p.name) for p in projects_for_services(self.actor)]
        return ServiceAccountNewForm(projects=projects, **kwargs)

    def act(self, form: ServiceAccountNewForm) -> str:
        typed = dict(form.cleaned_data)
        project = project_for_service(self.actor, UUID(typed.pop("project")))
        return _address(services.service_create(actor=self.actor, project=project, **typed))


class ServiceAccountPage(FormPage):
    """One service account: what it is for, its tokens, its history."""

    permission = "service.view"
    template_name = "accounts/service_account.html"
    form_class = ServiceAccountForm
    done_message = "Saved."

    @cached_property
    def service(self) -> ServiceAccount:
        read = service_account_read if self.request.method == "GET" else service_account_get
        return read(self.actor, self.kwargs["service_id"])

    def form(self, **kwargs: Any) -> ServiceAccountForm:
        initial = {"purpose": self.service.purpose, "responsible": self.service.responsible.username}
        return ServiceAccountForm(initial=initial, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        memberships = list(user_memberships(self.service.user))
        names = {str(m.project_id): m.project.name for m in memberships}
        return {
            "service": self.service,
            "rows": token_rows(list(service_tokens(self.service)[:TOKENS_SHOWN]), names),
            "memberships": memberships,
            "overlaps": OVERLAPS,
            "history": object_history(self.service).exclude(operation=Operation.READ)[:HISTORY_LINES],
            **extra,
        }

    def act(self, form: ServiceAccountForm) -> str:
        typed = {name: value for name, value in form.cleaned_data.items() if value}
        services.service_update(actor=self.actor, service=self.service, **typed)
        return _address(self.service)


class _ServiceAct(Page):
    """A button on the service account's page."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        service = service_account_get(self.actor, self.kwargs["service_id"])
        try:
            return self.act(service)
        except (Conflict, InvalidInput) as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
            return HttpResponseRedirect(_address(service))

    def done(self, service: ServiceAccount, sentence: str) -> HttpResponse:
        messages.success(self.request, sentence)
        return HttpResponseRedirect(_address(service))

    def act(self, service: ServiceAccount) -> HttpResponse:
        raise NotImplementedError


class ServiceAccountDeactivate(_ServiceAct):
    permission = "service.deactivate"

    def act(self, service: ServiceAccount) -> HttpResponse:
        services.service_deactivate(actor=self.actor, service=service)
        return self.done(service, f"{service} is deactivated: its tokens have ended.")


class ServiceAccountActivate(_ServiceAct):
    permission = "service.activate"

    def act(self, service: ServiceAccount) -> HttpResponse:
        services.service_activate(actor=self.actor, service=service)
        return self.done(service, f"{service} is active again. Give it a new token.")


@method_decorator(never_cache, name="dispatch")
class ServiceTokenNewPage(FormPage):
    """The new token's text is in the answer to the POST, and in no other."""

    permission = "token.issue"
    template_name = "accounts/service_token_new.html"
    form_class = TokenForm

    @cached_property
    def service(self) -> ServiceAccount:
        return service_account_get(self.actor, self.kwargs["service_id"])

    def form(self, **kwargs: Any) -> TokenForm:
        projects = [(str(m.project_id), m.project.name) for m in user_memberships(self.service.user)]
        return TokenForm(
            projects=projects if self.actor.is_administrator else [],
            permissions=permission_choices(permissions_choosable(self.service.user)),
            may_rotate_itself=True,
            **kwargs,
        )

    def context(self, **extra: Any) -> dict[str, Any]:
        form: TokenForm | None = extra.get("form")
        return {"service": self.service, **(choices_shown(form) if form is not None else {}), **extra}

    def act(self, form: TokenForm) -> HttpResponse:
        token, text = services.service_token_issue(
            actor=self.actor,
            service=self.service,
            rotates_itself=form.cleaned_data["rotates_itself"],
            **rights_typed(form),
        )
        return token_shown(self, token, text, back=_address(self.service))


@method_decorator(never_cache, name="dispatch")
class ServiceTokenRotate(_ServiceAct):
    permission = "token.issue"

    def act(self, service: ServiceAccount) -> HttpResponse:
        old = service_token_get(service, self.kwargs["token_id"])
        token, text = services.service_token_rotate(
            actor=self.actor, service=service, token=old, overlap_minutes=overlap_typed(self.request)
        )
        return token_shown(self, token, text, back=_address(service))


class ServiceTokenWithdraw(_ServiceAct):
    permission = "token.withdraw"

    def act(self, service: ServiceAccount) -> HttpResponse:
        token = service_token_get(service, self.kwargs["token_id"])
        services.service_token_withdraw(actor=self.actor, service=service, token=token)
        return self.done(service, f"“{token.label}” is revoked: its next request is refused.")

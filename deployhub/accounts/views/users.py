"""Accounts, for administrators (and, to read, auditors)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.accounts.filters import UserFilterSet
from deployhub.accounts.forms import UserForm, UserNewForm
from deployhub.accounts.forms.people import DeactivateForm
from deployhub.accounts.models import User
from deployhub.accounts.selectors import (
    token_of_person_get,
    tokens_of_person,
    user_get,
    user_memberships,
    user_read,
    users_read,
)
from deployhub.accounts.selectors.ownership import Departure, departure_of
from deployhub.accounts.selectors.resets import mfa_reset_of
from deployhub.accounts.selectors.sessions import user_sessions_open
from deployhub.accounts.services.tokens import token_step_up_waive
from deployhub.accounts.services.users import (
    user_activate,
    user_create,
    user_deactivate,
    user_reset,
    user_update,
)
from deployhub.accounts.views.sessions import session_lines
from deployhub.audit.selectors import object_history
from deployhub.audit.vocab import Operation
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.errors import Conflict

HISTORY_LINES = 12


class UsersPage(ListPage):
    permission = "user.view"
    template_name = "accounts/users.html"
    filterset_class = UserFilterSet
    sorts = ("username", "created_at")

    def queryset(self) -> QuerySet:
        return users_read(self.actor)


@method_decorator(never_cache, name="dispatch")
class UserNewPage(FormPage):
    permission = "user.create"
    template_name = "accounts/user_new.html"
    form_class = UserNewForm

    def act(self, form: UserNewForm) -> HttpResponse:
        user, password = user_create(actor=self.actor, **form.cleaned_data)
        return self.page(template="accounts/user_password.html", person=user, password=password, made=True)


class UserPage(FormPage):
    """One account: what it is, its roles, its history; for an administrator the form to change it."""

    permission = "user.view"
    template_name = "accounts/user.html"
    form_class = UserForm
    done_message = "Saved. Roles act on the next request."

    @cached_property
    def person(self) -> User:
        read = user_read if self.request.method == "GET" else user_get
        return read(self.actor, self.kwargs["user_id"])

    def form(self, **kwargs: Any) -> UserForm:
        fields = ("name", "email", "is_administrator", "is_auditor")
        return UserForm(initial={field: getattr(self.person, field) for field in fields}, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {
            "person": self.person,
            "is_me": self.person.pk == self.actor.user_id,
            "tokens": [token for token in tokens_of_person(self.actor, self.person) if token.is_usable],
            "sessions": session_lines(user_sessions_open(self.actor, self.person)[:20], self.actor),
            "memberships": user_memberships(self.person),
            "mfa_reset": mfa_reset_of(self.person.pk),
            "history": object_history(self.person).exclude(operation=Operation.READ)[:HISTORY_LINES],
            **extra,
        }

    def act(self, form: UserForm) -> str:
        user_update(actor=self.actor, user=user_get(self.actor, self.kwargs["user_id"]), **form.cleaned_data)
        return reverse("accounts:user", args=[self.kwargs["user_id"]])


class _UserAct(Page):
    """A button on the account's page."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        person = user_get(self.actor, self.kwargs["user_id"])
        try:
            return self.act(person)
        except Conflict as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
            return self.back(person)

    def back(self, person: User) -> HttpResponse:
        return HttpResponseRedirect(reverse("accounts:user", args=[person.pk]))

    def act(self, person: User) -> HttpResponse:
        raise NotImplementedError


class UserDeactivate(FormPage):
    """What ends, what stays, and who takes over what the person alone owns."""

    permission = "user.deactivate"
    template_name = "accounts/user_deactivate.html"
    form_class = DeactivateForm

    @cached_property
    def person(self) -> User:
        return user_get(self.actor, self.kwargs["user_id"])

    @cached_property
    def departure(self) -> Departure:
        return departure_of(self.actor, self.person)

    def form(self, **kwargs: Any) -> DeactivateForm:
        return DeactivateForm(departure=self.departure, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"person": self.person, "departure": self.departure, **extra}

    def act(self, form: DeactivateForm) -> str:
        user_deactivate(actor=self.actor, user=self.person, successors=form.successors)
        messages.success(self.request, f"{self.person} is deactivated: sessions and tokens have ended.")
        return reverse("accounts:user", args=[self.person.pk])


class UserActivate(_UserAct):
    permission = "user.activate"

    def act(self, person: User) -> HttpResponse:
        user_activate(actor=self.actor, user=person)
        messages.success(self.request, f"{person} is active again.")
        return self.back(person)


class TokenStepUpWaive(_UserAct):
    """Let somebody's token act without a fresh second factor, or take that back."""

    permission = "token.waive_step_up"

    def act(self, person: User) -> HttpResponse:
        waived = self.request.POST.get("waived") == "on"
        token = token_of_person_get(self.actor, person.pk, self.kwargs["token_id"])
        token_step_up_waive(actor=self.actor, token=token, waived=waived)
        said = "may act without a fresh second factor" if waived else "needs a fresh second factor again"
        messages.success(self.request, f"“{token.label}” {said}. This stands in the audit log.")
        return self.back(person)


@method_decorator(never_cache, name="dispatch")
class UserReset(_UserAct):
    permission = "user.reset"

    def act(self, person: User) -> HttpResponse:
        _, password = user_reset(actor=self.actor, user=person)
        return self.page(template="accounts/user_password.html", person=person, password=password, made=False)

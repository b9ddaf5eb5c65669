"""Resets of second factors: asked for on somebody's page, decided on a list by another administrator."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from deployhub.accounts.filters import MfaResetFilterSet
from deployhub.accounts.forms.people import MfaResetForm
from deployhub.accounts.models import MfaReset, User
from deployhub.accounts.selectors import user_get
from deployhub.accounts.selectors.resets import mfa_reset_get, mfa_reset_own_get, mfa_resets_read
from deployhub.accounts.services.resets import (
    mfa_reset_confirm,
    mfa_reset_decline,
    mfa_reset_request,
    mfa_reset_stop,
)
from deployhub.doors.pages import FormPage, ListPage, Page
from deployhub.kernel.errors import Conflict


class MfaResetsPage(ListPage):
    """Which second factors are to be reset, and which were."""

    permission = "user.view"
    template_name = "accounts/mfa_resets.html"
    filterset_class = MfaResetFilterSet
    sorts = ("created_at",)

    def queryset(self) -> QuerySet:
        return mfa_resets_read(self.actor)


class MfaResetNewPage(FormPage):
    permission = "mfa.reset_request"
    template_name = "accounts/mfa_reset_new.html"
    form_class = MfaResetForm
    done_message = "Asked for. Another administrator confirms it within 24 hours."

    @cached_property
    def person(self) -> User:
        return user_get(self.actor, self.kwargs["user_id"])

    def context(self, **extra: Any) -> dict[str, Any]:
        return {"person": self.person, **extra}

    def act(self, form: MfaResetForm) -> str:
        mfa_reset_request(actor=self.actor, user=self.person, **form.cleaned_data)
        return reverse("accounts:mfa-resets")


class _Decision(Page):
    """A button of the list."""

    def reset(self) -> MfaReset:
        return mfa_reset_get(self.actor, self.kwargs["mfa_reset_id"])

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        reset = self.reset()
        try:
            return self.act(reset)
        except Conflict as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
            return self.back()

    def act(self, reset: MfaReset) -> HttpResponse:
        raise NotImplementedError

    def back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("accounts:mfa-resets"))


@method_decorator(never_cache, name="dispatch")
class MfaResetConfirm(_Decision):
    permission = "mfa.reset_confirm"

    def act(self, reset: MfaReset) -> HttpResponse:
        person, password = mfa_reset_confirm(actor=self.actor, reset=reset)
        return self.page(
            template="accounts/user_password.html", person=person, password=password, factors=True
        )


class MfaResetDecline(_Decision):
    permission = "mfa.reset_decline"

    def act(self, reset: MfaReset) -> HttpResponse:
        done = mfa_reset_decline(actor=self.actor, reset=reset)
        messages.success(self.request, f"{done.shown_state_label}. {done.user} keeps their second factor.")
        return self.back()


class MfaResetStop(_Decision):
    """By the person concerned."""

    permission = "mfa.reset_stop"

    def reset(self) -> MfaReset:
        return mfa_reset_own_get(self.actor, self.kwargs["mfa_reset_id"])

    def act(self, reset: MfaReset) -> HttpResponse:
        mfa_reset_stop(actor=self.actor, reset=reset)
        messages.success(self.request, "Stopped. Your second factor stays; tell an administrator about it.")
        return self.back()

    def back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("accounts:mfa"))

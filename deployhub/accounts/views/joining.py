"""Accepting an invitation. The code comes in a form, never in an address: the browser keeps what stands behind the #."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from deployhub.access import policy
from deployhub.accounts.forms import PASSWORD_CHARACTERS_MAX
from deployhub.accounts.forms.people import InvitationCodeForm, JoinForm
from deployhub.accounts.models import Invitation
from deployhub.accounts.password_strength import strength_of
from deployhub.accounts.services.joining import (
    NOT_GOOD,
    Promise,
    invitation_accept,
    invitation_held,
    invitation_join,
    invitation_open,
    promise_of,
)
from deployhub.accounts.vocab import SESSION_INVITATION
from deployhub.doors.pages import FormPage
from deployhub.kernel.errors import DeployHubError


def told(promise: Promise) -> str:
    """What was not granted, as a sentence; empty where all was."""
    return f"Not granted: {'; '.join(promise.withheld)}." if promise.withheld else ""


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class JoinPage(FormPage):
    """Takes the code in. To look spends nothing."""

    public = True
    template_name = "accounts/join.html"
    form_class = InvitationCodeForm

    def act(self, form: InvitationCodeForm) -> str:
        code = form.cleaned_data["code"]
        invitation = invitation_open(actor=self.actor, code=code)
        self.request.session[SESSION_INVITATION] = {"id": str(invitation.pk), "digest": invitation.digest}
        return reverse("accounts:join-accept")


class _Holding(FormPage):
    """A page of somebody whose session holds an invitation."""

    public = True
    form_class = JoinForm

    def held(self) -> Invitation | None:
        kept = self.request.session.get(SESSION_INVITATION)
        return invitation_held(invitation_id=kept["id"], digest=kept["digest"]) if kept else None


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class JoinAcceptPage(_Holding):
    """Who is signed in confirms; who is not makes an account, or signs in first."""

    template_name = "accounts/join_accept.html"

    def form(self, **kwargs: Any) -> JoinForm:
        return JoinForm(strength_address=reverse("accounts:join-strength"), **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        invitation = self.held()
        return {
            "invitation": invitation,
            "promise": promise_of(invitation) if invitation is not None else None,
            **extra,
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().get(request, *args, **kwargs) if self.held() else self._nothing()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        invitation = self.held()
        if invitation is None:
            return self._nothing()
        if request.user.is_authenticated:
            return self._add(invitation)
        if not promise_of(invitation).opens:
            _, promise = invitation_join(
                actor=self.actor, invitation=invitation, username="", name="", new_password=""
            )
            return self._done(promise)
        return super().post(request, *args, **kwargs)

    def act(self, form: JoinForm) -> HttpResponse:
        invitation = self.held()
        if invitation is None:
            return self._nothing()
        wanted = {key: value for key, value in form.cleaned_data.items() if key != "again"}
        user, promise = invitation_join(actor=self.actor, invitation=invitation, **wanted)
        if user is not None:
            messages.success(self.request, f"Your account {user.username} is made. Sign in with it.")
        return self._done(promise)

    def _add(self, invitation: Invitation) -> HttpResponse:
        policy.require(self.actor, "invitation.accept")
        try:
            promise = invitation_accept(actor=self.actor, invitation=invitation)
        except DeployHubError as error:
            if error.status not in (400, 409):
                raise
            messages.error(self.request, f"{error.detail} {error.hint}".strip())
            return HttpResponseRedirect(reverse("portal:dashboard"))
        if promise.granted:
            messages.success(self.request, f"You are now: {', '.join(promise.granted)}.")
        return self._done(promise)

    def _done(self, promise: Promise) -> HttpResponse:
        self.request.session.pop(SESSION_INVITATION, None)
        if promise.withheld:
            messages.warning(self.request, told(promise))
        signed_in = self.request.user.is_authenticated
        return HttpResponseRedirect(reverse("portal:dashboard" if signed_in else "accounts:sign-in"))

    def _nothing(self) -> HttpResponse:
        if self.request.session.pop(SESSION_INVITATION, None) is not None:
            messages.error(self.request, NOT_GOOD)
        return HttpResponseRedirect(reverse("accounts:join"))


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class JoinStrength(_Holding):
    """The meter beside the password, for who holds an invitation."""

    template_name = "accounts/_password_strength.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("accounts:join"))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        typed = request.POST.get("new_password", "")[:PASSWORD_CHARACTERS_MAX] if self.held() else ""
        return self.page(strength=strength_of(typed), typed=bool(typed))

"""Where one is signed in, and where somebody else is."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.accounts.browsers import device_words
from deployhub.accounts.filters import SessionFilterSet
from deployhub.accounts.models import UserSession
from deployhub.accounts.selectors import account_get, user_get
from deployhub.accounts.selectors.sessions import session_get, sessions_own, user_session_get
from deployhub.accounts.services.sessions import (
    session_revoke,
    sessions_revoke_others,
    user_session_revoke,
    user_sessions_revoke,
)
from deployhub.accounts.services.unlock import user_unlock
from deployhub.accounts.vocab import FACTOR_WORDS
from deployhub.doors.pages import ListPage, Page
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict


def session_lines(sessions: Any, actor: Actor) -> list[dict[str, Any]]:
    """Sessions as the lists show them."""
    return [
        {
            "session": session,
            "device": device_words(session.user_agent),
            "how": FACTOR_WORDS.get(session.factor, session.factor),
            "is_current": str(session.pk) == actor.session_id,
        }
        for session in sessions
    ]


class SessionsPage(ListPage):
    permission = "session.view"
    template_name = "accounts/sessions.html"
    filterset_class = SessionFilterSet
    sorts = ("created_at", "last_seen_at")

    def queryset(self) -> QuerySet[UserSession]:
        return sessions_own(self.actor)

    def context(self, **extra: Any) -> dict[str, Any]:
        listing = extra.get("listing")
        lines = session_lines(listing.rows if listing else [], self.actor)
        others = [line for line in lines if line["session"].is_open and not line["is_current"]]
        return {"tab": "sessions", "lines": lines, "others": len(others), **extra}


class _Ends(Page):
    """A button that ends sessions, and the way back."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            messages.success(request, self.act())
        except Conflict as error:
            messages.error(request, f"{error.detail} {error.hint}".strip())
        return HttpResponseRedirect(self.back())

    def act(self) -> str:
        raise NotImplementedError

    def back(self) -> str:
        return reverse("accounts:sessions")


class SessionRevoke(_Ends):
    permission = "session.revoke"

    def act(self) -> str:
        session_revoke(actor=self.actor, session=session_get(self.actor, self.kwargs["session_id"]))
        return "The session has ended."


class SessionsRevokeOthers(_Ends):
    permission = "session.revoke"

    def act(self) -> str:
        count = sessions_revoke_others(actor=self.actor, user=account_get(self.actor))
        return f"{count} other session{'' if count == 1 else 's'} ended."


class _OfUser(_Ends):
    def back(self) -> str:
        return reverse("accounts:user", args=[self.kwargs["user_id"]])


class UserSessionRevoke(_OfUser):
    permission = "user.session_revoke"

    def act(self) -> str:
        user = user_get(self.actor, self.kwargs["user_id"])
        session = user_session_get(self.actor, user, self.kwargs["session_id"])
        user_session_revoke(actor=self.actor, user=user, session=session)
        return "The session has ended."


class UserSessionsRevoke(_OfUser):
    permission = "user.session_revoke"

    def act(self) -> str:
        user = user_get(self.actor, self.kwargs["user_id"])
        count = user_sessions_revoke(actor=self.actor, user=user)
        return f"{count} session{'' if count == 1 else 's'} of {user} ended."


class UserUnlock(_OfUser):
    permission = "user.unlock"

    def act(self) -> str:
        user = user_get(self.actor, self.kwargs["user_id"])
        user_unlock(actor=self.actor, user=user)
        return f"{user} may try to sign in again at once."

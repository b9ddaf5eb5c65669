"""How an API request says who it is: a bearer token, or the browser's session."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from deployhub.accounts.middleware import mfa_overdue, password_change_required
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.sealing import token_digest
from deployhub.accounts.selectors import mfa_is_overdue
from deployhub.accounts.services.attempts import address_attempt_begin, attempt_begin, attempts_key
from deployhub.accounts.services.token_uses import token_use_note
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.doors.middleware import client_address
from deployhub.kernel.actor import Actor, ActorKind, Door
from deployhub.kernel.errors import Forbidden
from deployhub.kernel.token_text import is_mistyped


def actor_of_token(token: ApiToken, request: Any) -> Actor:
    """The token's owner, bounded by what the token carries and by its projects."""
    user = token.user
    return Actor(
        kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
        name=user.audit_label(),
        door=Door.API,
        user_id=user.pk,
        is_administrator=user.is_administrator,
        is_auditor=user.is_auditor,
        auth_method="token",
        step_up_exempt=token.step_up_exempt,
        token_id=token.pk,
        token_permissions=token.carried_permissions,
        token_project_ids=token.bound_project_ids,
        address=client_address(request),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=getattr(request, "request_id", ""),
    )


def address_refused() -> Forbidden:
    """Told plainly: the machine's owner must find the cause, and a thief has a token that is of no use to them."""
    return Forbidden(
        "This token is not accepted from the address that you come from.",
        hint="Use it from one of its networks, or make a token for this one. Its owner sees this attempt.",
        code="address_refused",
    )


def _refusal(token: ApiToken | None, *, text: str) -> str:
    """Why the token is not accepted; empty when it is. For the log: whoever sent it is told no more than "no"."""
    if token is None:
        return "mistyped token" if is_mistyped(text) else "unknown token"
    if token.is_leaked:
        return "leaked token"
    if token.revoked_at is not None:
        return "revoked token"
    if not token.is_usable:
        return "expired token"
    return "" if token.user.is_active else "the token's owner is not active"


def _refuse(request: Request, token: ApiToken | None, reason: str) -> None:
    """Count the attempt and write it down. Counted first: who hammers waits, and does not fill the audit log."""
    attempt_begin(attempts_key("token", client_address(request._request)))
    address_attempt_begin(client_address(request._request))
    event_record(
        request._request.actor,  # type: ignore[attr-defined]
        "token.refuse",
        token,
        operation=Operation.EVENT,
        outcome=Outcome.DENIED,
        reason=reason,
    )


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer dh_pat_…` or `dh_svc_…`. The row is read at each request, so a revocation acts at once."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        text = words[1].decode("latin-1") if len(words) == 2 else ""
        token = ApiToken.objects.select_related("user").filter(digest=token_digest(text)).first()
        refusal = _refusal(token, text=text)
        if token is None or refusal:
            _refuse(request, token, refusal)
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        address = client_address(request._request)
        if not token.accepts(address):
            _refuse(request, token, "the address is outside the token's networks")
            raise address_refused()
        actor = request._request.actor = actor_of_token(token, request._request)  # type: ignore[attr-defined]
        if not token.user.is_service and mfa_is_overdue(actor, token.user):
            raise mfa_overdue()
        token_use_note(token, address)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="DeployHub"'


class BrowserSession(SessionAuthentication):
    """The signed-in browser, with CSRF protection. Not before the one-time password was replaced."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        if found is not None and found[0].must_change_password:
            raise password_change_required()
        return found

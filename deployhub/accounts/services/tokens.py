"""Personal API tokens."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from deployhub.access import policy
from deployhub.access.vocab import TokenScope
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.sealing import TOKEN_PREFIX, token_digest
from deployhub.accounts.vocab import TOKEN_LIFE_DAYS_MAX, TOKENS_MAX
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.kernel.ids import new_id
from deployhub.usecase import usecase

TOKEN_SECRET_BYTES = 32


@usecase("token.create", on="user")
def token_create(
    *,
    actor: Actor,
    user: User,
    label: str,
    scopes: Sequence[str],
    project_ids: Sequence[UUID],
    life_days: int,
) -> tuple[ApiToken, str]:
    """Make a token. Returns it and its text, which is known here and nowhere later.

    `project_ids` empty: every project of the owner, those of later days included.
    """
    unknown = set(scopes) - set(TokenScope.values)
    if not scopes or unknown:
        raise InvalidInput(
            "A token needs at least one scope.", errors={"scopes": ["Choose what the token may do."]}
        )
    if not 1 <= life_days <= TOKEN_LIFE_DAYS_MAX:
        sentence = f"A token lives 1 to {TOKEN_LIFE_DAYS_MAX} days."
        raise InvalidInput(sentence, errors={"life_days": [sentence]})
    if not set(project_ids) <= set(policy.roles_of(actor)):
        raise InvalidInput(
            "You have no role in one of the projects.", errors={"projects": ["Choose from your projects."]}
        )
    if ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=utc_now()).count() >= TOKENS_MAX:
        raise Conflict(f"You have {TOKENS_MAX} usable tokens.", hint="Revoke one that is not used any more.")
    token_id = new_id()
    text = f"{TOKEN_PREFIX}{token_id.hex}_{secrets.token_urlsafe(TOKEN_SECRET_BYTES)}"
    token = ApiToken.objects.create(
        id=token_id,
        user=user,
        label=label,
        digest=token_digest(text),
        scopes=[scope for scope in TokenScope.values if scope in scopes],
        project_ids=sorted(str(project_id) for project_id in set(project_ids)),
        expires_at=utc_now() + timedelta(days=life_days),
    )
    return token, text


@usecase("token.waive_step_up")
def token_step_up_waive(*, actor: Actor, token: ApiToken, waived: bool) -> ApiToken:
    """Let a token act where a person must show a fresh second factor; or take that back."""
    if waived and not token.is_usable:
        raise Conflict("This token is expired or revoked.")
    if token.step_up_exempt == waived:
        raise Conflict("This is waived already." if waived else "Nothing is waived for this token.")
    token.step_up_exempt = waived
    token.save(update_fields=["step_up_exempt"])
    return token


@usecase("token.revoke", on="token")
def token_revoke(*, actor: Actor, token: ApiToken) -> ApiToken:
    """End a token. The next request with it is refused."""
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).compare_and_set(revoked_at=utc_now()):
        raise Conflict("This token is revoked already.")
    token.refresh_from_db()
    return token

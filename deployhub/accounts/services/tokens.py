"""Personal API tokens, and what an administrator does with anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.services.token_ends import successor_write, token_end
from deployhub.accounts.services.token_rights import life_check, rights_check, room_demand, token_write
from deployhub.accounts.vocab import OVERLAP_MINUTES_DEFAULT, Revocation
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden
from deployhub.usecase import usecase


@usecase("token.create", on="user")
def token_create(
    *,
    actor: Actor,
    user: User,
    label: str,
    scopes: Sequence[str] = (),
    permissions: Sequence[str] = (),
    project_ids: Sequence[UUID] = (),
    networks: Sequence[str] = (),
    life_days: int,
) -> tuple[ApiToken, str]:
    """Make a token. Returns it and its text, which is known here and nowhere later.

    `project_ids` empty: every project of the owner, those of later days included. `networks` empty: from everywhere.
    """
    rights = rights_check(
        user=user, scopes=scopes, permissions=permissions, project_ids=project_ids, networks=networks
    )
    life_check(life_days)
    room_demand(user)
    return token_write(
        user=user, label=label, rights=rights, expires_at=utc_now() + timedelta(days=life_days)
    )


@usecase("token.rotate", on="token")
def token_rotate(
    *, actor: Actor, token: ApiToken, overlap_minutes: int = OVERLAP_MINUTES_DEFAULT
) -> tuple[ApiToken, str]:
    """Make a successor with the same rights and the same life; the old one works on for the overlap."""
    return successor_write(token=token, overlap_minutes=overlap_minutes, life=None, by_itself=False)


@usecase("token.rotate_itself", on="token")
def token_rotate_itself(
    *, actor: Actor, token: ApiToken, overlap_minutes: int = OVERLAP_MINUTES_DEFAULT
) -> tuple[ApiToken, str]:
    """The one exception to "no token makes a token": a service account's token, its own successor, where a person
    allowed it. No more rights, no longer life, and no end of the chain later than a year after that person.
    """
    if actor.token_id != token.pk or not token.rotates_itself or not token.user.is_service:
        raise Forbidden("A token makes a successor of itself alone, and only where this was allowed.")
    return successor_write(token=token, overlap_minutes=overlap_minutes, life=None, by_itself=True)


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
    return _revoked(token, Revocation.OWNER)


@usecase("token.revoke_any", on="token")
def token_revoke_any(*, actor: Actor, token: ApiToken) -> ApiToken:
    """End anybody's token. The next request with it is refused."""
    return _revoked(token, Revocation.ADMINISTRATOR)


def _revoked(token: ApiToken, why: Revocation) -> ApiToken:
    if not token_end(token, why):
        raise Conflict("This token is revoked already.")
    return token

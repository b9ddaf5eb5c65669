"""How a token ends, and how another takes its place. Inside the use cases of tokens, accounts and leaks."""

from __future__ import annotations

from datetime import datetime, timedelta

from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.services.token_rights import rights_of, token_write
from deployhub.accounts.vocab import CHAIN_LIFE, OVERLAP_MINUTES_MAX, Revocation
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput


def token_end(token: ApiToken, why: Revocation) -> bool:
    """Revoke a token, and the successors it made by itself: whoever held it may hold them. False if it was revoked."""
    ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).compare_and_set(
        revoked_at=utc_now(), revocation=why.value
    )
    heir = ApiToken.objects.filter(predecessor_id=token.pk, is_self_made=True).first()
    if heir is not None:
        token_end(heir, why)
    token.refresh_from_db()
    return ended


def tokens_end(user: User) -> None:
    """All tokens of an account, with the account."""
    ApiToken.objects.filter(user=user, revoked_at=None).update(
        revoked_at=utc_now(), revocation=Revocation.ACCOUNT.value
    )


def successor_write(
    *, token: ApiToken, overlap_minutes: int, life: timedelta | None, by_itself: bool
) -> tuple[ApiToken, str]:
    """Make the successor, with the same rights. The old token goes on for the overlap and then ends by itself.

    life: of the successor; None for as long as the old one was made for. Of twenty who ask at once, one is answered.
    """
    if not 1 <= overlap_minutes <= OVERLAP_MINUTES_MAX:
        sentence = "The overlap is 1 minute to 14 days."
        raise InvalidInput(sentence, errors={"overlap_minutes": [sentence]})
    now = utc_now()
    expires_at = now + (life if life is not None else token.expires_at - token.created_at)
    chain_ends_at = now + CHAIN_LIFE
    if by_itself:
        chain_ends_at = token.chain_ends_at or token.created_at + CHAIN_LIFE
        expires_at = min(expires_at, chain_ends_at)
        if chain_ends_at <= now:
            raise Conflict(
                "This token may make no further successor: for a year no person had a hand in it.",
                hint="Ask an owner of the project to make a new token for the service account.",
            )
    _turn_take(token, ends_at=now + timedelta(minutes=overlap_minutes), now=now)
    return token_write(
        user=token.user,
        label=token.label,
        rights=rights_of(token),
        expires_at=expires_at,
        predecessor=token,
        rotates_itself=token.rotates_itself,
        step_up_exempt=token.step_up_exempt,
        is_self_made=by_itself,
        chain_ends_at=chain_ends_at,
    )


def _turn_take(token: ApiToken, *, ends_at: datetime, now: datetime) -> None:
    usable = ApiToken.objects.filter(pk=token.pk, revoked_at=None, rotated_at=None, expires_at__gt=now)
    if not usable.compare_and_set(rotated_at=now, expires_at=min(token.expires_at, ends_at)):
        token.refresh_from_db()
        if token.rotated_at is not None:
            raise Conflict(
                "This token has a successor already.",
                hint="Use that one, or revoke it and make a new token.",
                code="token_rotated",
            )
        raise Conflict("This token is expired or revoked.", hint="Make a new one instead.")
    token.refresh_from_db()

"""Tokens that turned up where they should not be: reported by anybody, or looked for by an administrator."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.sealing import token_digest
from deployhub.accounts.services.attempts import attempt_begin, attempts_key
from deployhub.accounts.services.token_ends import token_end
from deployhub.accounts.vocab import LEAK_TEXT_CHARACTERS_MAX, Revocation
from deployhub.audit.scope import audit_scope, event_record, touch
from deployhub.audit.vocab import Operation
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import InvalidInput
from deployhub.kernel.token_text import tokens_in
from deployhub.usecase import usecase

TOKENS_IN_A_REPORT = 50


@dataclass(frozen=True, slots=True)
class LeakFound:
    """A token of this installation that stood in a text. `was_usable`: until now somebody could have used it."""

    token: ApiToken
    was_usable: bool


def leak_report(*, actor: Actor, text: str) -> None:
    """Anybody reports a found token. If it is one of ours it is revoked at once.

    Nothing comes back, so that nobody learns by it whether a token is one. Raises RateLimited, and InvalidInput for a
    text that is too long: neither depends on what stands in it.
    """
    attempt_begin(attempts_key("leak report", actor.address))
    if len(text) > LEAK_TEXT_CHARACTERS_MAX:
        sentence = f"Send at most {LEAK_TEXT_CHARACTERS_MAX} characters: the token and what stands around it."
        raise InvalidInput(sentence, errors={"text": [sentence]})
    with transaction.atomic(), audit_scope(actor, "token.leak_report", reason="reported as found in public"):
        found = _found(text, revoke=True)
    event_record(
        actor,
        "token.leak_report",
        operation=Operation.EVENT,
        facts={"tokens_of_ours": [None, len(found)]},
    )


@usecase("token.check_leak")
def leak_check(*, actor: Actor, text: str, revoke: bool) -> list[LeakFound]:
    """Look for our tokens in a text of any kind; with `revoke`, end those that somebody could still use."""
    found = _found(text, revoke=revoke)
    who = User.objects.get(pk=actor.user_id)
    touch(who, tokens_found=len(found), still_usable=sum(entry.was_usable for entry in found))
    return found


def _found(text: str, *, revoke: bool) -> list[LeakFound]:
    found: list[LeakFound] = []
    for written in tokens_in(text):
        token = ApiToken.objects.select_related("user").filter(digest=token_digest(written)).first()
        if token is None:
            continue
        was_usable = token.is_usable and token.user.is_active
        if revoke and not token_end(token, Revocation.LEAKED):
            touch(token)
        found.append(LeakFound(token, was_usable))
        if len(found) >= TOKENS_IN_A_REPORT:
            break
    return found

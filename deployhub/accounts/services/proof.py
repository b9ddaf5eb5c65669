"""Proof that the person at the keyboard knows the present password: asked before it is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from deployhub.accounts.models import User
from deployhub.accounts.services.attempts import attempt_begin, attempts_forget, attempts_key
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """Made by `identity_prove` alone; a use case that takes one cannot be called without it."""

    user_id: UUID


def identity_prove(*, actor: Actor, user: User, proof: str, field: str = "proof") -> IdentityProof:
    """Check the password. Not part of the use case, whose failure would forget the attempt.

    Raises InvalidInput (at `field`) and RateLimited.
    """
    key = attempts_key("proof", user.pk)
    attempt_begin(key)
    if not user.check_password(proof):
        event_record(actor, "account.prove", user, operation=Operation.EVENT, outcome=Outcome.FAILED)
        sentence = "This is not your password."
        raise InvalidInput(sentence, hint="Nothing was changed. Try again.", errors={field: [sentence]})
    attempts_forget(key)
    return IdentityProof(user_id=user.pk)


def proof_demand(proof: IdentityProof | None, user: User) -> None:
    """A proof of somebody else is a defect or an attack: refuse."""
    if proof is None or proof.user_id != user.pk:
        raise InvalidInput("Your present password is missing.", hint="Type it to go on.")

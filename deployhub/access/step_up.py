"""Step-up: who does something dangerous must have shown a second factor lately. The policy asks; no door decides.

How fresh is fresh enough stands in the security policy, which lies a floor above: accounts brings the reader of it
(`terms_reader_set`), and until it did, every dangerous action is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from deployhub.access.vocab import PERMISSIONS, STEP_UP_PERMISSIONS
from deployhub.kernel.actor import Actor, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Forbidden, MfaRequired, StepUpRequired

CLOCK_SKEW = timedelta(minutes=1)
"""A stamp from further ahead than this is not believed: it would stay fresh for as long as the clock was wrong."""
ENROL = "mfa.enrol"


@dataclass(frozen=True, slots=True)
class StepUpTerms:
    minutes: int
    """So long a second factor that was shown stays fresh."""
    must_enrol: bool = False
    """The person has no second factor, and the security policy demands one of them: a password does not do."""


_readers: list[Callable[[Actor], StepUpTerms]] = []


def terms_reader_set(read: Callable[[Actor], StepUpTerms]) -> None:
    """Name who knows the terms for an actor."""
    _readers[:] = [read]


def terms_of(actor: Actor) -> StepUpTerms:
    """The terms for this actor; read once for each request."""
    known = actor.cache.get("step_up_terms")
    if not isinstance(known, StepUpTerms):
        known = _readers[0](actor) if _readers else StepUpTerms(minutes=0)
        actor.cache["step_up_terms"] = known
    return known


def is_fresh(actor: Actor) -> bool:
    """Whether the actor has shown a second factor lately enough."""
    if actor.second_factor_at is None:
        return False
    return -CLOCK_SKEW <= utc_now() - actor.second_factor_at < timedelta(minutes=terms_of(actor).minutes)


def refusal(actor: Actor, permission: str) -> Forbidden | None:
    """What stands in the way of an actor who may do this in principle; None where nothing does.

    DeployHub itself has no second factor to show, and a job acts for somebody who showed theirs when they queued it.
    """
    if permission not in STEP_UP_PERMISSIONS or actor.is_system or actor.door is Door.WORKER:
        return None
    label = PERMISSIONS[permission].label.lower()
    extra: dict[str, object] = {"permission": permission}
    if actor.token_id is not None:
        if actor.step_up_exempt:
            return None
        return StepUpRequired(
            f"With a token you cannot: {label}.",
            hint="This needs a fresh second factor, which a token cannot show. Do it in the browser, or ask an "
            "administrator to waive that for this token.",
            extra=extra,
        )
    if terms_of(actor).must_enrol and permission != ENROL:
        return MfaRequired(
            f"A second factor is needed to: {label}.",
            hint="Set one up on your account page; it takes two minutes.",
            extra=extra,
        )
    if is_fresh(actor):
        return None
    return StepUpRequired(
        f"Confirm that it is you before you go on to: {label}.",
        hint="Show your second factor again; in the browser you are asked for it.",
        extra=extra,
    )

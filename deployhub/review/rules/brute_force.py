"""Many failed sign-ins on one account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import SIGN_IN, Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class BruteForceLimits(Limits):
    failures: int = limit(12, "Failed sign-ins", "On one account, from any addresses.", most=500)
    minutes: int = limit(
        60, "Within", "A wrong password that is typed again and again.", most=1440, unit="min"
    )
    failures_spread: int = limit(
        8, "Failed sign-ins, spread", "Likewise, from at least so many addresses as the next says.", most=500
    )
    addresses: int = limit(4, "Addresses", "A person who forgot a password types it at one or two.", most=500)


class BruteForce(Rule):
    key = "brute_force"
    label = "Brute force on an account"
    looks_for = "Many failed sign-ins on one account within a short time."
    means = "Somebody guesses a password. Or a person forgot theirs, or a saved one is old."
    advice = (
        "Look at the addresses. Ask the person whether it was them; if not, reset their password and see that "
        "they have a second factor."
    )
    severity = Severity.MEDIUM
    limits = BruteForceLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action != SIGN_IN or not event.failed or not event.account:
            return None
        span = timedelta(minutes=limits.minutes)
        failures = [
            one for one in around.timeline.back("account", event.account, to=event, span=span) if one.failed
        ]
        addresses = len({one.address for one in failures})
        spread = addresses >= limits.addresses
        if len(failures) < (min(limits.failures, limits.failures_spread) if spread else limits.failures):
            return None
        return self.hit(
            event,
            f"{len(failures)} sign-ins to {event.object_label or event.account} failed within {limits.minutes} "
            f"minutes, from {addresses} address{'' if addresses == 1 else 'es'}.",
            events=failures,
            subject=f"account {event.account}",
            failures=len(failures),
            addresses=addresses,
        )


RULE = BruteForce()

"""A sign-in that succeeded after many that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import SIGN_IN, Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class SuccessLimits(Limits):
    failures: int = limit(5, "Failed before", "When an address was among them that is new to the person.")
    failures_at_home: int = limit(
        9, "Failed before, at home", "When all came from the person's own networks: people forget passwords."
    )
    minutes: int = limit(60, "Within", most=1440, unit="min")


class SuccessAfterFailures(Rule):
    key = "success_after_failures"
    label = "Signed in after many failures"
    looks_for = "A sign-in that succeeded after many that failed on the same account."
    means = "A password may have been guessed. From the person's own network it was most often forgotten."
    advice = (
        "Ask the person. If it was not them: deactivate the account, reset it, and read what the session did."
    )
    severity = Severity.HIGH
    limits = SuccessLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action != SIGN_IN or not event.done or not event.account:
            return None
        span = timedelta(minutes=limits.minutes)
        before = around.timeline.back("account", event.account, to=event, span=span)
        since_success: list[Event] = []
        for one in before:
            if one.failed:
                since_success.append(one)
            elif one.done and one.id != event.id:
                since_success = []
        known = around.usual(event).networks
        strange = any(one.network not in known for one in [*since_success, event])
        least = limits.failures if strange else limits.failures_at_home
        if len(since_success) < least:
            return None
        where = "an address that is new to them was among them" if strange else "all from their own networks"
        return self.hit(
            event,
            f"{event.person_name} signed in after {len(since_success)} failures within {limits.minutes} minutes; "
            f"{where}.",
            events=[*since_success, event],
            failures=len(since_success),
            new_network="yes" if strange else "no",
        )


RULE = SuccessAfterFailures()

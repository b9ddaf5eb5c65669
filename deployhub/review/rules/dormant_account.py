"""An account that was silent for long wakes up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class DormantLimits(Limits):
    days: int = limit(45, "Silent for", "Longer than a long holiday.", most=365, unit="days")


class DormantAccount(Rule):
    key = "dormant_account"
    label = "Dormant account awakes"
    looks_for = "The first sign of life of an account after many days of silence."
    means = "A forgotten account was found by somebody. Or the person is back from leave."
    advice = "Ask the person, or who leads them. Deactivate accounts that nobody needs."
    severity = Severity.MEDIUM
    limits = DormantLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if not event.by_person or not event.done:
            return None
        last = around.usual(event).last_at
        if last is None or (event.at - last).days < limits.days:
            return None
        days = (event.at - last).days
        return self.hit(
            event,
            f"{event.person_name} was last here {days} days ago, on {last:%d %B %Y}, and is back from {event.address}.",
            days_silent=days,
        )


RULE = DormantAccount()

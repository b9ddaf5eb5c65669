"""Something weighty at an hour at which the person is never here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.review.watch.actions import PRIVILEGED
from deployhub.review.watch.baseline import hours_between
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class OddHoursLimits(Limits):
    hours_away: int = limit(
        3, "Hours away", "From the nearest hour at which they usually are here.", most=12, unit="h"
    )
    days_known: int = limit(5, "Days known", "Of fewer days nothing is usual yet.", most=30, unit="days")
    days_usual: int = limit(
        2, "Usual from", "An hour is usual when they were here at it on so many days.", most=30, unit="days"
    )


class OddHours(Rule):
    key = "odd_hours"
    label = "Privileged action at an odd hour"
    looks_for = "A privileged action hours away from any hour at which the person is usually here."
    means = "Somebody else may be at work in their name while they sleep. Or it is an emergency."
    advice = "Ask the person the next morning. Look at the address and the session of that night."
    severity = Severity.MEDIUM
    limits = OddHoursLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in PRIVILEGED or not event.done or not event.by_person or event.token_id:
            return None
        usual = around.usual(event)
        days = len(usual.days_before(event.at))
        hours = usual.hours_usual(event.at, least_days=limits.days_usual)
        if days < limits.days_known or not hours:
            return None
        away = min(hours_between(event.at.hour, hour) for hour in hours)
        if away < limits.hours_away:
            return None
        return self.hit(
            event,
            f"{event.person_name} did {event.action} at {event.at:%H:%M} UTC, {away} hours away from any hour at "
            f"which they were here on {limits.days_usual} or more of {days} days.",
            hour_utc=event.at.hour,
            hours_away=away,
            days_known=days,
        )


RULE = OddHours()

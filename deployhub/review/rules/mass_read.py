"""More looked at than ever before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.actions import DOWNLOADS
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class MassReadLimits(Limits):
    share: int = limit(
        100, "Of their own most", "Of the most in one whole day of their last 30, within one hour.", unit="%"
    )
    floor: int = limit(90, "But at least", "Fewer different things in an hour never fire.", unit="things")
    cap: int = limit(1500, "Always from", "So many different things in an hour always fire.", unit="things")


class MassRead(Rule):
    key = "mass_read"
    label = "Mass reading"
    looks_for = "More different things looked at within one hour than the person ever did in a whole day of the last 30."
    means = "A program walks through everything that the person may see."
    advice = (
        "See whether a new token or script of the person is at work. If not, end their sessions and tokens."
    )
    severity = Severity.MEDIUM
    limits = MassReadLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action in DOWNLOADS or not (
            event.is_read and event.done and event.object_id and event.by_person
        ):
            return None
        hour = around.timeline.back("person", event.person_id, to=event, span=timedelta(hours=1))
        if len(hour) < limits.floor:
            return None
        read = [
            one for one in hour if one.is_read and one.done and one.object_id and one.action not in DOWNLOADS
        ]
        things = len({(one.object_type, one.object_id) for one in read})
        most = around.usual(event).most_in_a_day(event.at, "reads")
        bound = min(max(limits.floor, limits.share * most // 100), limits.cap)
        if things < bound:
            return None
        return self.hit(
            event,
            f"{event.person_name} looked at {things} different things within an hour; their most in a day of the "
            f"last 30 was {most}.",
            events=read,
            things=things,
            most_in_a_day=most,
            fires_from=bound,
        )


RULE = MassRead()

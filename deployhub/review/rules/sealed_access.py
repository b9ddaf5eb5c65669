"""Somebody opens what was protected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.actions import SEALED
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class SealedLimits(Limits):
    times: int = limit(1, "Times", "So often within a day by one person.", most=1000)


class SealedAccess(Rule):
    key = "sealed_access"
    label = "Protected artifact opened"
    looks_for = "A protected artifact unsealed, or a key that protects one used."
    means = "Most often work as planned; each time is worth a second look."
    advice = "Compare with the plan of the release. Ask the person where there is none."
    severity = Severity.LOW
    limits = SealedLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in SEALED or event.person_id is None:
            return None
        opened = [
            one
            for one in around.timeline.back("person", event.person_id, to=event, span=timedelta(hours=24))
            if one.action in SEALED
        ]
        if len(opened) < limits.times:
            return None
        return self.hit(
            event,
            f"{event.person_name} did {event.action} on {event.object_label or 'a protected artifact'}"
            + (f", {len(opened)} times within 24 hours." if len(opened) > 1 else "."),
            events=opened,
            times=len(opened),
        )


RULE = SealedAccess()

"""Somebody tries many doors that are shut to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class RefusalLimits(Limits):
    things: int = limit(8, "Different things", "Refused or not found: one thing again and again counts once.")
    minutes: int = limit(10, "Within", "The quick kind.", most=1440, unit="min")
    things_slow: int = limit(40, "Different things, slowly", "Likewise, over the longer time.")
    hours_slow: int = limit(24, "Within", "The slow kind.", most=72, unit="h")


def _thing(event: Event) -> tuple[str, str]:
    return (event.action, event.object_id or event.after("address") or str(event.project_id or ""))


class RefusalBurst(Rule):
    key = "refusal_burst"
    label = "Burst of refusals"
    looks_for = (
        "One person or address that is refused, or asks for what is not there, at many different addresses."
    )
    means = "Somebody feels their way through projects that are not theirs, or a program follows old links."
    advice = "See which objects were asked for. Ask the person; revoke the token or end the session if it was not them."
    severity = Severity.HIGH
    limits = RefusalLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if not event.forbidden:
            return None
        kind, value = ("person", event.person_id) if event.person_id else ("address", event.address)
        if not value:
            return None
        kinds = (
            (timedelta(minutes=limits.minutes), limits.things, f"{limits.minutes} minutes"),
            (timedelta(hours=limits.hours_slow), limits.things_slow, f"{limits.hours_slow} hours"),
        )
        for span, least, words in kinds:
            refused = [
                one
                for one in around.timeline.back(kind, value, to=event, span=span)
                if one.forbidden and (kind == "person" or one.person_id is None)
            ]
            things = {_thing(one) for one in refused}
            if len(things) >= least:
                who = event.person_name if event.person_id else f"Somebody at {event.address}"
                projects = len({one.project_id for one in refused if one.project_id})
                return self.hit(
                    event,
                    f"{who} was refused {len(refused)} times within {words}, for {len(things)} different things"
                    + (f" of {projects} projects." if projects > 1 else "."),
                    events=refused,
                    refusals=len(refused),
                    different_things=len(things),
                    projects=projects,
                )
        return None


RULE = RefusalBurst()

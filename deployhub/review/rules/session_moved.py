"""One session in two browsers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class SessionLimits(Limits):
    hours: int = limit(12, "Within", "Between its use by the one device and by the other.", most=72, unit="h")


class SessionMoved(Rule):
    key = "session_moved"
    label = "Session used by two devices"
    looks_for = "One signed-in session that comes from two networks with two devices."
    means = "The session's cookie was stolen: a browser keeps its own, and an update of it is not counted as another."
    advice = "End the sessions of the account, and look for malware or a shared machine."
    severity = Severity.HIGH
    limits = SessionLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if not event.session_id or not event.by_person or event.token_id:
            return None
        others = [
            one
            for one in around.timeline.back(
                "session", event.session_id, to=event, span=timedelta(hours=limits.hours)
            )
            if one.device != event.device
            and one.network != event.network
            and one.person_id == event.person_id
        ]
        if not others:
            return None
        return self.hit(
            event,
            f"A session of {event.person_name} was used by two devices: at {others[-1].address} and at {event.address}.",
            events=[others[-1], event],
            subject=f"session {event.session_id}",
        )


RULE = SessionMoved()

"""What the inspection refused was let through."""

from __future__ import annotations

from typing import Any

from deployhub.review.watch.actions import QUARANTINE_OVERRIDE
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Rule, Surroundings
from deployhub.review.watch.vocab import Severity


class QuarantineOverride(Rule):
    key = "quarantine_override"
    label = "Quarantine overridden"
    looks_for = "A version that a person let out of quarantine against its inspection."
    means = "A file that may run code of its author is now within reach of everybody in the project."
    advice = "Read why the inspection refused it. Let a second person decide, and archive it if in doubt."
    severity = Severity.HIGH

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in QUARANTINE_OVERRIDE or not event.done or event.person_id is None:
            return None
        return self.hit(
            event,
            f"{event.person_name} let {event.object_label} out of quarantine: {event.reason or 'no reason was given'}.",
            subject=f"{event.object_type} {event.object_id}",
        )


RULE = QuarantineOverride()

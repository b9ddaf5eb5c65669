"""The watch itself was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.review.watch.actions import OVERSIGHT
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class OversightLimits(Limits):
    refusals: bool = limit(True, "Attempts too", "Fire also when the change was refused.")


class OversightTouched(Rule):
    key = "oversight_touched"
    label = "Oversight changed"
    looks_for = "A rule muted or tuned, retention, a legal hold, the security policy or the seal changed."
    means = "Who wants to do something unseen begins here. Most often it is upkeep."
    advice = "See what was changed and why. Somebody other than the person signs this off."
    severity = Severity.LOW
    limits = OversightLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in OVERSIGHT or event.is_read or event.person_id is None:
            return None
        if not event.done and not limits.refusals:
            return None
        what = event.object_label or event.object_type or "the settings"
        did = "did" if event.done else "tried"
        return self.hit(
            event,
            f"{event.person_name} {did} {event.action} on {what}"
            + (f": {event.reason}" if event.reason and event.done else "."),
            subject=f"person {event.person_id} {event.action} {event.object_id}",
            severity=Severity.LOW if event.done else Severity.MEDIUM,
        )


RULE = OversightTouched()

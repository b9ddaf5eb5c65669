"""Asked again who they are, somebody does not know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.actions import PROOFS
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class StepUpLimits(Limits):
    failures: int = limit(4, "Failed proofs", "Of one person.", most=100)
    minutes: int = limit(30, "Within", most=1440, unit="min")


class StepUpFailed(Rule):
    key = "step_up_failed"
    label = "Step-up failed repeatedly"
    looks_for = "A signed-in person who several times could not show who they are when asked again."
    means = "Somebody sits at a session that is not theirs."
    advice = "End the sessions of the account, and ask the person."
    severity = Severity.HIGH
    limits = StepUpLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in PROOFS or event.done or event.person_id is None:
            return None
        span = timedelta(minutes=limits.minutes)
        failures = [
            one
            for one in around.timeline.back("person", event.person_id, to=event, span=span)
            if one.action in PROOFS and not one.done
        ]
        if len(failures) < limits.failures:
            return None
        return self.hit(
            event,
            f"{event.person_name} failed {len(failures)} times within {limits.minutes} minutes to show who they are, "
            f"in a session that was signed in.",
            events=failures,
            failures=len(failures),
        )


RULE = StepUpFailed()

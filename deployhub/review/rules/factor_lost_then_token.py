"""The second factor goes, and a token comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.actions import CREDENTIAL_MADE, FACTOR_LOST, FACTOR_SET_UP
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity

BY_ADMINISTRATORS = ("user.reset", "mfa.reset_confirm")


@dataclass(frozen=True)
class FactorLostLimits(Limits):
    hours: int = limit(24, "Within", "Between the loss of the factor and the new token.", most=72, unit="h")


class FactorLostThenToken(Rule):
    key = "factor_lost_then_token"
    label = "Second factor removed, then a token made"
    looks_for = (
        "A token made by a person whose second factor was removed shortly before, and not set up again."
    )
    means = "Somebody who took an account over makes themselves a way in that outlives the password."
    advice = "Revoke the token, reset the account, and ask the person. A lost phone is followed by a new factor, not by a token."
    severity = Severity.HIGH
    limits = FactorLostLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in CREDENTIAL_MADE or not event.done or event.person_id is None:
            return None
        span = timedelta(hours=limits.hours)
        own = around.timeline.back("person", event.person_id, to=event, span=span)
        by_others = around.timeline.back("subject", str(event.person_id), to=event, span=span)
        lost: Event | None = None
        for one in sorted(
            {one.id: one for one in (*own, *by_others)}.values(), key=lambda one: (one.at, one.id)
        ):
            if not one.done:
                continue
            about_them = one.action not in BY_ADMINISTRATORS or one.object_id == str(event.person_id)
            if one.action in FACTOR_LOST and about_them:
                lost = one
            elif one.action in FACTOR_SET_UP and one.actor_id == event.person_id:
                lost = None
        if lost is None:
            return None
        return self.hit(
            event,
            f"The second factor of {event.person_name} was removed ({lost.action}), and {_minutes(lost, event)} "
            f"minutes later they made {event.object_label or 'a token'}.",
            events=[lost, event],
            minutes_between=_minutes(lost, event),
        )


def _minutes(earlier: Event, later: Event) -> int:
    return round((later.at - earlier.at).total_seconds() / 60)


RULE = FactorLostThenToken()

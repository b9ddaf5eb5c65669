"""One token at two places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class TokenLimits(Limits):
    hours: int = limit(
        24, "Within", "Between its use from the one network and from the other.", most=72, unit="h"
    )


class TokenTwoNetworks(Rule):
    key = "token_two_networks"
    label = "Token used from two networks"
    looks_for = "A token that comes from a network which neither it nor its owner was ever seen in, beside its usual one."
    means = "The token was copied: it stands in a log, an image or a repository."
    advice = "Revoke the token; make a new one where it is needed, bound to the address range of its machine."
    severity = Severity.HIGH
    limits = TokenLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.token_id is None or not event.by_person or not event.network:
            return None
        if event.network in around.usual(event).networks:
            return None
        others = [
            one
            for one in around.timeline.back(
                "token", event.token_id, to=event, span=timedelta(hours=limits.hours)
            )
            if one.network and one.network != event.network and one.by_person
        ]
        if not others:
            return None
        networks = {one.network for one in others} | {event.network}
        return self.hit(
            event,
            f"A token of {event.person_name} was used from {event.network}, where neither it nor they were ever seen, "
            f"within {limits.hours} hours of {others[-1].network}.",
            events=[others[-1], event],
            subject=f"token {event.token_id}",
            networks=len(networks),
        )


RULE = TokenTwoNetworks()

"""Who made it also put it into use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.review.watch.actions import PUT_INTO_USE
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity

_NAMES_OF_WHAT_WAS_MADE = ("version_id", "artifact_id")


@dataclass(frozen=True)
class OwnApprovalLimits(Limits):
    aliases: str = limit(
        "champion, production, stable", "Aliases", "Names that others rely on, by commas; empty: every alias."
    )


class OwnApproval(Rule):
    key = "own_approval"
    label = "Change without approval"
    looks_for = "A person who puts into use what they made themselves: an alias that others rely on, a rollout, an approval."
    means = "Nobody else looked at it. In a small team that may be the custom."
    advice = "Let somebody else look at it now. Where that is the custom, narrow the list of aliases."
    severity = Severity.MEDIUM
    limits = OwnApprovalLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in PUT_INTO_USE or not event.done or event.person_id is None:
            return None
        if event.action == "model.alias":
            watched = {name.strip() for name in limits.aliases.split(",") if name.strip()}
            if watched and event.object_label not in watched:
                return None
        made = next((event.after(name) for name in _NAMES_OF_WHAT_WAS_MADE if event.after(name)), "")
        if not made or around.maker_of(made) != event.person_id:
            return None
        return self.hit(
            event,
            f"{event.person_name} made this version and put it into use as well: {event.action}, "
            f"{event.object_label}.",
            subject=f"{event.action} {event.object_id} {made}",
        )


RULE = OwnApproval()

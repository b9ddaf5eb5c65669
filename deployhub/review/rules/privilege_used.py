"""More rights, given to oneself or used at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.actions import DOWNLOADS, PRIVILEGED, RAISES
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity

_GLOBAL_ROLES = ("is_administrator", "is_auditor")


@dataclass(frozen=True)
class PrivilegeLimits(Limits):
    minutes: int = limit(
        60, "Used within", "After somebody else raised them to a global role.", most=1440, unit="min"
    )
    uses: int = limit(3, "Uses", "Privileged actions or downloads in that time.", most=100)
    self_grants: bool = limit(True, "Self-granted", "Fire at once when people give rights to themselves.")


def raised_person(event: Event) -> str:
    """Whose rights this event raised: an id, or empty when it raised nobody's."""
    if event.action not in RAISES or not event.done:
        return ""
    if event.action == "user.create":
        return event.object_id if any(event.became_true(role) for role in _GLOBAL_ROLES) else ""
    if event.action == "user.update":
        return event.object_id if any(event.became_true(role) for role in _GLOBAL_ROLES) else ""
    if event.changes.get("role") or event.changes.get("user_id"):
        return event.after("user_id") or _member(event)
    return event.after("person_id") or event.after("requested_by_id")


def _member(event: Event) -> str:
    """A changed membership tells its row and not its person; its label begins with the person's name."""
    return event.object_label if event.object_type == "membership" else ""


def _is_global(event: Event) -> bool:
    return any(event.became_true(role) for role in _GLOBAL_ROLES)


class PrivilegeUsed(Rule):
    key = "privilege_used"
    label = "Privilege raised, then used"
    looks_for = (
        "People who give rights to themselves; and a new administrator or auditor who uses the role at once."
    )
    means = "A stolen administrator's session makes itself at home. Or somebody was in a hurry."
    advice = "Ask for the reason. Take the right away again if there was none, and read what it was used for."
    severity = Severity.HIGH
    limits = PrivilegeLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if not event.by_person or not event.done:
            return None
        raised = raised_person(event)
        if raised and self._is_own(event, raised):
            if not limits.self_grants:
                return None
            return self.hit(
                event,
                f"{event.person_name} gave rights to themselves: {event.action}, {event.object_label}.",
                self_granted="yes",
            )
        if event.action not in PRIVILEGED and event.action not in DOWNLOADS:
            return None
        span = timedelta(minutes=limits.minutes)
        raising = self._raising(event, around, span)
        if raising is None:
            return None
        uses = [
            one
            for one in around.timeline.back("person", event.person_id, to=event, span=event.at - raising.at)
            if one.done and (one.action in PRIVILEGED or one.action in DOWNLOADS)
        ]
        if len(uses) < limits.uses:
            return None
        return self.hit(
            event,
            f"{event.person_name} was raised by {raising.actor_name} and used it {len(uses)} times within "
            f"{limits.minutes} minutes.",
            events=[raising, *uses],
            uses=len(uses),
            raised_by=raising.actor_name,
        )

    def _is_own(self, event: Event, raised: str) -> bool:
        own = str(event.actor_id)
        return raised == own or (
            event.object_type == "membership"
            and bool(event.actor_name)
            and raised.startswith(f"{event.actor_name} as ")
        )

    def _raising(self, event: Event, around: Surroundings, span: timedelta) -> Event | None:
        found = around.timeline.back("raised", str(event.person_id), to=event, span=span)
        return next((one for one in found if _is_global(one)), None)


RULE = PrivilegeUsed()

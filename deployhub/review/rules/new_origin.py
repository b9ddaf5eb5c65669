"""A person comes from where they never came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.review.watch.events import SIGN_IN, Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class NewOriginLimits(Limits):
    either: bool = limit(
        False, "Either is enough", "Fire on a new network or a new device alone; off: both must be new."
    )
    days_known: int = limit(
        3, "Days known", "Of fewer days everything is new.", least=0, most=30, unit="days"
    )


class NewOrigin(Rule):
    key = "new_origin"
    label = "New address and device"
    looks_for = (
        "A sign-in from a network and with a device that both were seen of this person on no two days of 180."
    )
    means = "Somebody else may know the password. Or the person has a new laptop and is travelling with it."
    advice = "Ask the person by another way than this account. If it was not them, reset the account."
    severity = Severity.MEDIUM
    limits = NewOriginLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action != SIGN_IN or not event.done or not event.by_person:
            return None
        usual = around.usual(event)
        # What came on one day alone proves nothing: it may be an intruder's, who comes again.
        if not usual.networks or len(usual.days_before(event.at)) < limits.days_known:
            return None
        new_network = bool(event.network) and not usual.is_settled(usual.networks, event.network)
        new_device = not usual.is_settled(usual.devices, event.device)
        if not (new_network and new_device) and not (limits.either and (new_network or new_device)):
            return None
        new = " and ".join(
            words
            for words, is_new in ((f"the network {event.network}", new_network), ("a device", new_device))
            if is_new
        )
        return self.hit(
            event,
            f"{event.person_name} signed in from {new} hardly or never seen of them before ({event.address}).",
            subject=f"person {event.person_id} from {event.network} with {event.device}",
            networks_known=len(usual.networks),
            devices_known=len(usual.devices),
        )


RULE = NewOrigin()

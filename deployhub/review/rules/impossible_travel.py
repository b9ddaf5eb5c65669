"""At two places that are too far apart for the time between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import Event
from deployhub.review.watch.places import distance_km
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class TravelLimits(Limits):
    speed_km_h: int = limit(1000, "Speed", "Faster than this nobody travels.", least=100, unit="km/h")
    distance_km: int = limit(
        700,
        "Distance",
        "Nearer than this is not judged: the places of networks are coarse.",
        least=50,
        most=20_000,
        unit="km",
    )


class ImpossibleTravel(Rule):
    key = "impossible_travel"
    label = "Impossible travel"
    looks_for = (
        "One person at two places, too far apart for the time between. It needs a file of networks and coordinates "
        "(DEPLOYHUB_PLACES_FILE); without one it sees nothing."
    )
    means = "Two people use one account. Or a company network or a relay is far from the person."
    advice = "Ask the person where they were. Enter the company's own networks into the file with their true place."
    severity = Severity.HIGH
    limits = TravelLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if not around.places or not event.by_person or not event.done or event.token_id:
            return None
        here = around.places.place_of(event.address)
        if here is None:
            return None
        span = timedelta(hours=24)
        for earlier in reversed(around.timeline.back("person", event.person_id, to=event, span=span)):
            if (
                not (earlier.by_person and earlier.done)
                or earlier.token_id
                or earlier.address == event.address
            ):
                continue
            there = around.places.place_of(earlier.address)
            if there is None:
                continue
            far = distance_km(here, there)
            hours = max((event.at - earlier.at).total_seconds() / 3600, 1 / 60)
            if far < limits.distance_km or far / hours < limits.speed_km_h:
                return None
            return self.hit(
                event,
                f"{event.person_name} was at {there.label or earlier.address} and {round(hours * 60)} minutes later "
                f"at {here.label or event.address}, {round(far)} km away.",
                events=[earlier, event],
                distance_km=round(far),
                speed_km_h=round(far / hours),
            )
        return None


RULE = ImpossibleTravel()

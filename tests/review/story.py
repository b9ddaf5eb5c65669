"""Stories for the rules: people who do things at times. No database."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from deployhub.review.rules import RULES
from deployhub.review.watch.baseline import Baseline
from deployhub.review.watch.events import Event, Timeline
from deployhub.review.watch.places import Places
from deployhub.review.watch.rule import Hit, Surroundings

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36"
PYTHON = "python-requests/2.32.5"
HOME, AWAY = "198.51.100.7", "203.0.113.9"


def id_of(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


@dataclass
class Story:
    """Events as they happen. `at` is the hand of the clock; `later` moves it."""

    at: datetime = MONDAY
    events: list[Event] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def later(self, **span: float) -> Story:
        self.at += timedelta(**span)
        return self

    def did(self, who: str, action: str, *, at: datetime | None = None, **more: Any) -> Event:
        """`who` did something; a read where the action says so."""
        read = action.endswith((".view", ".download"))
        more.setdefault("operation", "read" if read else "event")
        more.setdefault("address", HOME)
        more.setdefault("user_agent", FIREFOX)
        if who:
            more.setdefault("actor_id", id_of(who))
        event = Event(
            id=next(self.numbers), at=at or self.at, action=action,
            actor_kind=more.pop("actor_kind", "user" if who else "anonymous"), actor_name=who or "anonymous", **more,
        )  # fmt: skip
        self.events.append(event)
        return event

    def signed_in(self, who: str, **more: Any) -> Event:
        return self.did(
            who, "account.sign_in", object_type="user", object_id=str(id_of(who)), object_label=who, **more
        )

    def failed_sign_in(self, who: str, *, known: bool = True, **more: Any) -> Event:
        """Somebody typed `who` and a wrong password; `known` when there is such an account."""
        if known:
            more |= {"object_type": "user", "object_id": str(id_of(who)), "object_label": who}
        return self.did("", "account.sign_in", outcome="failed", changes={"username": [None, who]}, **more)

    def days_of_work(
        self, who: str, days: int, *, hours: Iterable[int] = (9, 11, 14, 16), **more: Any
    ) -> Story:
        """Ordinary days up to now, so that something is usual for the person."""
        today = self.at
        for back in range(days, 0, -1):
            day = today - timedelta(days=back)
            for hour in hours:
                moment = day.replace(hour=hour, minute=10)
                self.did(who, "model.view", at=moment, object_type="registeredmodel", object_id="m", **more)
        return self


def judged(
    events: Iterable[Event],
    *rules: str,
    places: Places | None = None,
    makers: dict[str, UUID] | None = None,
    limits: dict[str, Any] | None = None,
) -> list[tuple[str, Hit]]:
    """What the rules (all, or those named) say of a story: (key, hit) for every event that made one fire."""
    order = sorted(events, key=lambda event: (event.at, event.id))
    people: dict[UUID, Baseline] = {}
    around = Surroundings(Timeline(order), people, places or Places(), (makers or {}).get)
    found = []
    for event in order:
        for key in rules or RULES:
            rule = RULES[key]
            tuned = {one.name: one.default for one in fields(rule.limits)} | (limits or {})
            hit = rule.judge(event, around, rule.limits(**tuned))
            if hit is not None:
                found.append((key, hit))
        if event.person_id is not None:
            people.setdefault(event.person_id, Baseline()).learn(event)
    return found


def fired(events: Iterable[Event], rule: str, **more: Any) -> list[Hit]:
    return [hit for _, hit in judged(events, rule, **more)]

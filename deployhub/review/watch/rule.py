"""The base of every rule: what it tells of itself, its thresholds, and one pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from deployhub.review.watch.baseline import Baseline
from deployhub.review.watch.events import Event, Timeline
from deployhub.review.watch.places import Places
from deployhub.review.watch.vocab import Severity


def limit(
    default: Any, label: str, help: str = "", *, least: int = 1, most: int = 10_000, unit: str = ""
) -> Any:
    """One threshold of a rule, with what a person who tunes it needs to know."""
    return field(
        default=default,
        metadata={"label": label, "help": help, "least": least, "most": most, "unit": unit},
    )


@dataclass(frozen=True)
class Limits:
    """Base of every rule's thresholds: whole numbers, switches, or lists of words."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule fired. `subject` says for whom or what: hits of one subject close in time are one finding."""

    subject: str
    person_id: UUID | None
    person_name: str
    told: str
    numbers: Mapping[str, Any]
    events: Sequence[Event]
    severity: Severity | None = None

    @property
    def first_at(self) -> datetime:
        return min(event.at for event in self.events)

    @property
    def last_at(self) -> datetime:
        return max(event.at for event in self.events)


@dataclass
class Surroundings:
    """What a rule may look at beside the event."""

    timeline: Timeline
    people: Mapping[UUID, Baseline] = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    maker_of: Callable[[str], UUID | None] = lambda object_id: None

    def usual(self, event: Event) -> Baseline:
        """The baseline of the event's person, from before the event; an empty one for a stranger."""
        person = event.person_id
        return self.people.get(person, _NOTHING) if person is not None else _NOTHING


_NOTHING = Baseline()


class Rule:
    """One file, one rule. `judge` is asked for every new event in the order of time, and touches nothing."""

    key: ClassVar[str]
    label: ClassVar[str]
    looks_for: ClassVar[str]
    means: ClassVar[str]
    advice: ClassVar[str]
    severity: ClassVar[Severity] = Severity.MEDIUM
    limits: ClassVar[type[Limits]] = Limits
    same_within: ClassVar[timedelta] = timedelta(hours=24)
    """Hits of one subject that are no further apart are one finding."""

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        raise NotImplementedError

    def hit(
        self,
        event: Event,
        told: str,
        *,
        events: Sequence[Event] = (),
        subject: str = "",
        severity: Severity | None = None,
        **numbers: Any,
    ) -> Hit:
        """A hit about the person of `event`, unless a subject says otherwise."""
        person = event.person_id
        return Hit(
            subject=subject or (f"person {person}" if person else f"address {event.address}"),
            person_id=person,
            person_name=event.person_name if person else "",
            told=told,
            numbers=numbers,
            events=events or (event,),
            severity=severity,
        )


def limits_of(rule: Rule, kept: Mapping[str, Any]) -> Any:
    """The rule's thresholds as they were tuned; what was not tuned, or is not known any more, has its default."""
    known = {entry.name for entry in fields(rule.limits)}
    return rule.limits(**{name: value for name, value in kept.items() if name in known})


def limit_defaults(rule: Rule) -> dict[str, Any]:
    return {entry.name: entry.default for entry in fields(rule.limits) if entry.default is not MISSING}

"""What is usual for a person: their hours, networks, devices and daily counts, learnt event by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from deployhub.review.watch.actions import DOWNLOADS
from deployhub.review.watch.events import Event
from deployhub.review.watch.vocab import BASELINE_DAYS, ORIGIN_DAYS

HOURS = 24


@dataclass
class Day:
    """One day of one person: in which hours they were here (one bit each), and what they read and fetched."""

    hours: int = 0
    reads: int = 0
    downloads: int = 0
    """Files fetched. The parts of one file, asked for in a row, count once."""


@dataclass
class Origin:
    """A network or a device: when it was first and last seen."""

    first_at: datetime
    last_at: datetime


@dataclass
class Baseline:
    """Of one person. Only what succeeded teaches it, and only at a door: refusals and workers do not."""

    days: dict[date, Day] = field(default_factory=dict)
    networks: dict[str, Origin] = field(default_factory=dict)
    devices: dict[str, Origin] = field(default_factory=dict)
    last_at: datetime | None = None
    last_file: str = ""
    """What was fetched last."""

    def learn(self, event: Event) -> None:
        if not (event.by_person and event.done):
            return
        day = self.days.setdefault(event.at.date(), Day())
        day.hours |= 1 << event.at.hour
        if event.action in DOWNLOADS:
            file = f"{event.object_type} {event.object_id}"
            day.downloads += file != self.last_file
            self.last_file = file
        elif event.is_read:
            day.reads += 1
        for origins, name in ((self.networks, event.network), (self.devices, event.device)):
            if name:
                known = origins.setdefault(name, Origin(event.at, event.at))
                known.last_at = max(known.last_at, event.at)
        self.last_at = max(self.last_at or event.at, event.at)
        if len(self.days) > BASELINE_DAYS + 1:
            self.forget(event.at)

    def forget(self, now: datetime) -> None:
        """Let go of what is too old to be usual."""
        oldest = now.date() - timedelta(days=BASELINE_DAYS)
        self.days = {day: found for day, found in self.days.items() if day >= oldest}
        since = now - timedelta(days=ORIGIN_DAYS)
        self.networks = {name: seen for name, seen in self.networks.items() if seen.last_at >= since}
        self.devices = {name: seen for name, seen in self.devices.items() if seen.last_at >= since}

    @staticmethod
    def is_settled(origins: dict[str, Origin], name: str) -> bool:
        """Whether a network or device is known from more than one day."""
        seen = origins.get(name)
        return seen is not None and seen.first_at.date() != seen.last_at.date()

    def days_before(self, at: datetime) -> list[Day]:
        """The days of the baseline before the day of `at`."""
        oldest = at.date() - timedelta(days=BASELINE_DAYS)
        return [found for day, found in sorted(self.days.items()) if oldest <= day < at.date()]

    def hours_usual(self, at: datetime, *, least_days: int) -> list[int]:
        """The hours (UTC) in which the person was here on at least so many days before the day of `at`."""
        counts = [0] * HOURS
        for day in self.days_before(at):
            for hour in range(HOURS):
                counts[hour] += day.hours >> hour & 1
        return [hour for hour, count in enumerate(counts) if count >= least_days]

    def most_in_a_day(self, at: datetime, what: str) -> int:
        """The highest daily count (`reads` or `downloads`) before the day of `at`."""
        return max((getattr(day, what) for day in self.days_before(at)), default=0)

    def downloads_of_week(self, at: datetime, *, day_most: int, weeks_back: int = 0) -> int:
        """Files of the seven days that end with the day of `at`, or of as many weeks earlier.

        day_most: more of one day do not count; a day that stands out is told of by itself.
        """
        last = at.date() - timedelta(days=7 * weeks_back)
        return sum(
            min(found.downloads, day_most) for day, found in self.days.items() if 0 <= (last - day).days < 7
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "days": {
                day.isoformat(): [found.hours, found.reads, found.downloads]
                for day, found in self.days.items()
            },
            "networks": _origins_out(self.networks),
            "devices": _origins_out(self.devices),
            "last_at": self.last_at.isoformat() if self.last_at else None,
            "last_file": self.last_file,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Baseline:
        last = kept.get("last_at")
        return cls(
            days={date.fromisoformat(day): Day(*numbers) for day, numbers in kept.get("days", {}).items()},
            networks=_origins_in(kept.get("networks", {})),
            devices=_origins_in(kept.get("devices", {})),
            last_at=datetime.fromisoformat(last) if last else None,
            last_file=kept.get("last_file", ""),
        )


def _origins_out(origins: dict[str, Origin]) -> dict[str, list[str]]:
    return {name: [seen.first_at.isoformat(), seen.last_at.isoformat()] for name, seen in origins.items()}


def _origins_in(kept: dict[str, list[str]]) -> dict[str, Origin]:
    return {name: Origin(*(datetime.fromisoformat(text) for text in pair)) for name, pair in kept.items()}


def hours_between(hour: int, other: int) -> int:
    """How far two hours of the clock are apart, the short way round."""
    apart = abs(hour - other) % HOURS
    return min(apart, HOURS - apart)

"""More downloads than ever before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.actions import DOWNLOADS
from deployhub.review.watch.events import Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity

KNOWN_DAYS = 5
"""Of fewer days no week is usual."""


@dataclass(frozen=True)
class MassDownloadLimits(Limits):
    times: int = limit(2, "Times their own most", "Of the most in one day of their last 30 days.", most=100)
    floor: int = limit(30, "But at least", "Fewer different files in 24 hours never fire.", unit="files")
    week_times: int = limit(
        2,
        "A week, times their own most",
        "Of the most in one of the three weeks before: a little each day.",
        most=100,
    )
    week_floor: int = limit(
        45, "A week, but at least", "Fewer different files in seven days never fire.", unit="files"
    )
    hour_floor: int = limit(
        18,
        "An hour, at least",
        "So many different files within an hour, if the person never had more in a whole day.",
        unit="files",
    )
    cap: int = limit(200, "Always from", "So many different files in 24 hours always fire.", unit="files")


class MassDownload(Rule):
    key = "mass_download"
    label = "Mass download"
    looks_for = (
        "Far more different files downloaded in 24 hours than the person ever did in a day of the last 30."
    )
    means = "Models or data may be carried off. A release day or a new machine looks similar."
    advice = "See what was fetched, from where, and by which token. Ask the person what for."
    severity = Severity.HIGH
    limits = MassDownloadLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action not in DOWNLOADS or not event.done or event.person_id is None:
            return None
        fetched = [
            one
            for one in around.timeline.back("person", event.person_id, to=event, span=timedelta(hours=24))
            if one.action in DOWNLOADS and one.done
        ]
        files = len({(one.object_type, one.object_id) for one in fetched})
        most = around.usual(event).most_in_a_day(event.at, "downloads")
        bound = min(max(limits.floor, limits.times * most), limits.cap)
        if files < bound:
            return self._hour(event, fetched, most, limits) or self._week(event, around, limits)
        return self.hit(
            event,
            f"{event.person_name} downloaded {files} different files within 24 hours; their most in a day of the "
            f"last 30 was {most}.",
            events=fetched,
            files=files,
            most_in_a_day=most,
            fires_from=bound,
        )

    def _hour(self, event: Event, fetched: list[Event], most: int, limits: Any) -> Hit | None:
        """A program fetches as much in an hour as the person never did in a day."""
        hour = [one for one in fetched if event.at - one.at <= timedelta(hours=1)]
        files = len({(one.object_type, one.object_id) for one in hour})
        bound = max(limits.hour_floor, most)
        if files < bound:
            return None
        return self.hit(
            event,
            f"{event.person_name} downloaded {files} different files within an hour; their most in a day of the last "
            f"30 was {most}.",
            events=hour,
            files=files,
            most_in_a_day=most,
            fires_from=bound,
        )

    def _week(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        """A little each day: the week against the weeks before."""
        usual = around.usual(event)
        # A day that stands out was told of when it was; it must not ring again all week.
        now, *before = (
            usual.downloads_of_week(event.at, weeks_back=back, day_most=limits.hour_floor)
            for back in range(4)
        )
        week = now + 1
        known = len(usual.days_before(event.at)) >= KNOWN_DAYS
        if not known or week < max(limits.week_floor, limits.week_times * max(before)):
            return None
        return self.hit(
            event,
            f"{event.person_name} downloaded {week} different files within seven days; their most in a week of the three "
            f"before was {max(before)}.",
            downloads=week,
            most_in_a_week=max(before),
        )


RULE = MassDownload()

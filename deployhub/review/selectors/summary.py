"""What a search found, in numbers: facets and bars over time. Both look at no more events than their caps say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDay, TruncHour, TruncMinute, TruncMonth

from deployhub.audit.models import AuditEvent
from deployhub.audit.vocab import Outcome
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import Project

FACET_CAP = 10_000
FACET_VALUES = 8
TIMELINE_CAP = 200_000
TIMELINE_DEFAULT = timedelta(days=14)

_STEPS: tuple[tuple[timedelta, str, timedelta, Any], ...] = (
    (timedelta(hours=3), "minute", timedelta(minutes=1), TruncMinute),
    (timedelta(days=4), "hour", timedelta(hours=1), TruncHour),
    (timedelta(days=400), "day", timedelta(days=1), TruncDay),
)
FACETS = ("outcome", "action", "actor", "project", "object_type", "door", "auth_method")
"""Filters by which the events are divided, in the order of the columns that are read."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """How the events divide by one filter: its most frequent values."""

    name: str
    values: list[FacetValue]


@dataclass(frozen=True, slots=True)
class Summary:
    """`count` is exact unless `capped`; then it and the facets are those of the newest events."""

    count: int
    capped: bool
    facets: list[Facet]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events in each step of time, oldest first. `covers_from` is set where the cap left older events out."""

    step: str
    step_s: int
    at: list[datetime] = field(default_factory=list)
    success: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    denied: list[int] = field(default_factory=list)
    covers_from: datetime | None = None


def events_summary(events: QuerySet[AuditEvent]) -> Summary:
    """Count `events` and how they divide, exactly up to FACET_CAP."""
    columns = (
        "outcome",
        "action",
        "actor_id",
        "project_id",
        "object_type",
        "door",
        "auth_method",
        "actor_name",
    )
    rows = list(events.values_list(*columns)[: FACET_CAP + 1])
    capped = len(rows) > FACET_CAP
    rows = rows[:FACET_CAP]
    names: dict[str, str] = {}
    for row in rows:
        names.setdefault(str(row[2]), row[7])
    counted = {
        name: Counter(str(row[at]) for row in rows if row[at]).most_common(FACET_VALUES)
        for at, name in enumerate(FACETS)
    }
    ids = [value for value, _ in counted["project"]]
    names.update(
        (str(key), name) for key, name in Project.objects.filter(pk__in=ids).values_list("pk", "name")
    )
    facets = [
        Facet(
            name,
            [
                FacetValue(value, names.get(value, value) if name in ("actor", "project") else value, count)
                for value, count in counted[name]
            ],
        )
        for name in FACETS
    ]
    return Summary(count=len(rows), capped=capped, facets=facets)


def events_timeline(
    events: QuerySet[AuditEvent], *, since: datetime | None, until: datetime | None
) -> Timeline:
    """How many of `events` fall into each minute, hour, day or month between the two times."""
    end = until or utc_now()
    begin = since or end - TIMELINE_DEFAULT
    length = max(end - begin, timedelta(0))
    step, width, trunc = next(
        ((name, width, trunc) for longest, name, width, trunc in _STEPS if length <= longest),
        ("month", timedelta(days=30), TruncMonth),
    )
    within = events.filter(at__gte=begin, at__lt=end)
    covers_from = next(iter(within.values_list("at", flat=True)[TIMELINE_CAP : TIMELINE_CAP + 1]), None)
    if covers_from is not None:
        within = within.filter(at__gt=covers_from)
    counted = (
        within.order_by()
        .annotate(step=trunc("at"))
        .values("step")
        .annotate(
            total=Count("pk"),
            denied=Count("pk", filter=Q(outcome=Outcome.DENIED)),
            failed=Count("pk", filter=Q(outcome=Outcome.FAILED)),
        )
    )
    bars = {row["step"]: (row["total"], row["failed"], row["denied"]) for row in counted}
    steps = _steps(begin, end, step, width)
    found = [bars.get(at, (0, 0, 0)) for at in steps]
    return Timeline(
        step=step,
        step_s=int(width.total_seconds()),
        at=steps,
        success=[total - failed - denied for total, failed, denied in found],
        failed=[failed for _, failed, _ in found],
        denied=[denied for _, _, denied in found],
        covers_from=covers_from,
    )


def _steps(begin: datetime, end: datetime, step: str, width: timedelta) -> list[datetime]:
    """The beginning of every step from `begin` to `end`, the empty ones included."""
    zeros = {"second": 0, "microsecond": 0}
    if step != "minute":
        zeros["minute"] = 0
    if step in ("day", "month"):
        zeros["hour"] = 0
    if step == "month":
        zeros["day"] = 1
    at, found = begin.replace(**zeros), []  # type: ignore[arg-type]
    while at < end:
        found.append(at)
        at = (at + timedelta(days=32)).replace(day=1) if step == "month" else at + width
    return found

"""The duty that judges new events: each committed event once, in the order of time, whatever its id."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Door
from deployhub.kernel.canonical import canonical_sha256
from deployhub.kernel.clock import utc_now
from deployhub.review.models import Finding, JudgedEvent, PersonBaseline, RuleSetting, WatchMark
from deployhub.review.rules import RULES
from deployhub.review.selectors.events import (
    LOOK_BACK,
    READS_LOOK_BACK,
    events_before,
    events_settled_id,
    events_unjudged,
    makers_of,
)
from deployhub.review.watch.baseline import Baseline
from deployhub.review.watch.events import Event, Timeline
from deployhub.review.watch.places import Places, PlacesUnreadable, places_read
from deployhub.review.watch.rule import Hit, Rule, Surroundings, limits_of
from deployhub.review.watch.vocab import (
    EVALUATE_BATCH,
    EVALUATE_BATCHES_MAX,
    FINDING_EVENTS_MAX,
    LATE_COMMIT,
    FindingState,
)

log = logging.getLogger(__name__)


def events_judge() -> dict[str, int]:
    """Judge everything that is new. Idempotent: what was judged is not judged again, and two at once take turns."""
    counts = {"events": 0, "findings": 0}
    for _ in range(EVALUATE_BATCHES_MAX):
        events, findings = _batch_judge()
        counts["events"] += events
        counts["findings"] += findings
        if events < EVALUATE_BATCH:
            break
    return counts


def _batch_judge() -> tuple[int, int]:
    with transaction.atomic():
        WatchMark.objects.get_or_create(pk=1)
        mark = WatchMark.objects.select_for_update().get(pk=1)
        fresh = events_unjudged(settled_id=mark.settled_id, limit=EVALUATE_BATCH)
        places, mark.problem = places_configured()
        findings = _judge(fresh, places) if fresh else 0
        JudgedEvent.objects.bulk_create(JudgedEvent(event_id=event.id) for event in fresh)
        _settle(mark, full=len(fresh) == EVALUATE_BATCH)
        return len(fresh), findings


def _settle(mark: WatchMark, *, full: bool) -> None:
    """Raise the mark over events that are judged and so old that none can still come in below them."""
    last = JudgedEvent.objects.order_by("-event_id").values_list("event_id", flat=True).first()
    if last is not None:
        mark.settled_id = max(
            mark.settled_id, events_settled_id(judged_id=last, before=utc_now() - LATE_COMMIT)
        )
        JudgedEvent.objects.filter(event_id__lte=mark.settled_id).delete()
    mark.ran_at = utc_now()
    mark.save()


def places_configured() -> tuple[Places, str]:
    """The file of networks and coordinates, and what is wrong with it."""
    path = settings.DEPLOYHUB_PLACES_FILE
    if path is None:
        return Places(), ""
    try:
        return places_read(path), ""
    except PlacesUnreadable as error:
        return Places(), str(error)[:300]


def _judge(fresh: Sequence[Event], places: Places) -> int:
    """Judge a batch. What is later than a late comer is judged again with it; a finding is not made twice."""
    order = sorted(fresh, key=lambda event: (event.at, event.id))
    begin = order[0].at
    judged_id = JudgedEvent.objects.order_by("-event_id").values_list("event_id", flat=True).first() or 0
    before = events_before(
        since=begin - LOOK_BACK,
        up_to_id=max(judged_id, max(event.id for event in fresh)),
        reads_since=begin - READS_LOOK_BACK,
    )
    new_ids = {event.id for event in fresh}
    line = sorted(
        {event.id: event for event in (*before, *fresh)}.values(), key=lambda event: (event.at, event.id)
    )
    people = _baselines({event.person_id for event in line if event.person_id and event.at >= begin})
    makers = makers_of(
        event.after(name) for event in line for name in ("version_id", "artifact_id") if event.after(name)
    )
    around = Surroundings(Timeline(line), people, places, makers.get)
    kept = {row.rule: row for row in RuleSetting.objects.all()}
    watch = [
        (rule, limits_of(rule, kept[key].thresholds if key in kept else {})) for key, rule in RULES.items()
    ]
    gathered: list[_Gathered] = []
    latest: dict[tuple[str, str], _Gathered] = {}
    for event in line:
        if event.at < begin:
            continue
        for rule, limits in watch:
            hit = rule.judge(event, around, limits)
            if hit is None:
                continue
            known = latest.get((rule.key, hit.subject))
            if known is not None and hit.first_at - rule.same_within <= known.last_at:
                known.grow(hit)
                continue
            known = _Gathered(rule, limits, hit, {one.id: one.at for one in hit.events})
            if hit.person_id in people:
                known.usual = usual_told(people[hit.person_id], hit.last_at)
            latest[rule.key, hit.subject] = known
            gathered.append(known)
        if event.id in new_ids and event.person_id is not None:
            people.setdefault(event.person_id, Baseline()).learn(event)
    _baselines_keep(people, {event.person_id for event in fresh if event.person_id})
    muted = {row.rule for row in kept.values() if row.is_muted}
    return sum(_finding_keep(one, muted=one.rule.key in muted) for one in gathered)


@dataclass
class _Gathered:
    """Hits of one batch that belong together: rows are written once for them, not once for each event."""

    rule: Rule
    limits: Any
    hit: Hit
    times: dict[int, datetime]
    usual: dict[str, Any] = field(default_factory=dict)

    def grow(self, hit: Hit) -> None:
        self.hit = hit
        self.times.update((one.id, one.at) for one in hit.events)

    @property
    def first_at(self) -> datetime:
        return min(self.times.values())

    @property
    def last_at(self) -> datetime:
        return max(self.times.values())


def _baselines(ids: set[UUID]) -> dict[UUID, Baseline]:
    rows = PersonBaseline.objects.filter(person_id__in=ids)
    return {row.person_id: Baseline.from_json(row.content) for row in rows}


def _baselines_keep(people: dict[UUID, Baseline], ids: set[UUID]) -> None:
    for person_id in ids & set(people):
        content = people[person_id].as_json()
        if people[person_id].last_at is not None:
            PersonBaseline.objects.update_or_create(
                person_id=person_id, defaults={"content": content, "updated_at": utc_now()}
            )


def usual_told(baseline: Baseline, at: datetime) -> dict[str, Any]:
    """What was usual for a person before a moment, as a finding keeps it."""
    days = baseline.days_before(at)
    return {
        "days_known": len(days),
        "hours_utc": baseline.hours_usual(at, least_days=2),
        "networks": sorted(baseline.networks)[:20],
        "devices": sorted(baseline.devices)[:10],
        "most_downloads_in_a_day": max((day.downloads for day in days), default=0),
        "most_reads_in_a_day": max((day.reads for day in days), default=0),
    }


def _finding_keep(found: _Gathered, *, muted: bool) -> int:
    """Make a finding, or let the one grow that it belongs to. Returns 1 for a new finding."""
    rule, hit = found.rule, found.hit
    subject = canonical_sha256([rule.key, hit.subject])
    ids = sorted(found.times)
    near = (
        Finding.objects.filter(
            rule=rule.key,
            subject=subject,
            last_at__gte=found.first_at - rule.same_within,
            first_at__lte=found.last_at + rule.same_within,
        )
        .order_by("-last_at", "-pk")
        .first()
    )
    if near is not None and found.last_at <= near.last_at:
        return 0
    state = FindingState.MUTED if muted else FindingState.OPEN
    with system_scope("found by a review rule", action="finding.open", door=Door.WORKER):
        if near is not None and (near.state == FindingState.OPEN or near.state == state):
            known = set(near.event_ids)
            near.event_count += len([one for one in ids if one not in known])
            near.event_ids = sorted(known | set(ids))[:FINDING_EVENTS_MAX]
            near.told, near.numbers = hit.told[:600], dict(hit.numbers)
            near.last_at = found.last_at
            near.save()
            return 0
        Finding.objects.create(
            rule=rule.key,
            severity=hit.severity or rule.severity,
            state=state,
            person_id=hit.person_id,
            person_name=hit.person_name[:200],
            subject=subject,
            told=hit.told[:600],
            numbers=dict(hit.numbers),
            thresholds=asdict(found.limits),
            usual=found.usual,
            event_ids=ids[:FINDING_EVENTS_MAX],
            event_count=len(ids),
            first_event_id=ids[0] if near is None else ids[-1],
            first_at=found.first_at,
            last_at=found.last_at,
        )
    return 1

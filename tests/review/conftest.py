"""Findings, and events that are in the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import events_write, system_scope
from deployhub.kernel.clock import utc_now
from deployhub.review.models import Finding


@pytest.fixture
def logged(db: None) -> Callable[..., list[AuditEvent]]:
    """Write events of a person into the log: `logged(kim, "artifact.download", 3, minutes_ago=5)`."""

    def write(
        user: Any, action: str, count: int = 1, *, minutes_ago: float = 0, **fields: Any
    ) -> list[AuditEvent]:
        before = set(AuditEvent.objects.values_list("pk", flat=True))
        defaults: dict[str, Any] = {
            "operation": "event", "outcome": "success", "door": "browser", "address": "198.51.100.7",
            "user_agent": "Firefox", "object_type": "artifact",
        }  # fmt: skip
        events_write(
            [
                AuditEvent(
                    at=utc_now() - timedelta(minutes=minutes_ago) + timedelta(milliseconds=number),
                    action=action, actor_kind="user", actor_id=user.pk, actor_name=str(user),
                    object_id=str(number), **{**defaults, **fields},
                )
                for number in range(count)
            ]
        )  # fmt: skip
        return list(AuditEvent.objects.exclude(pk__in=before).order_by("pk"))

    return write


@pytest.fixture
def finding(engineer: Any, logged: Any) -> Finding:
    """An open finding about the engineer."""
    event = logged(engineer, "artifact.download")[0]
    now = utc_now()
    with system_scope("test finding"):
        return Finding.objects.create(
            rule="mass_download", severity="high", person_id=engineer.pk, person_name=str(engineer), subject="s",
            told="Engineer downloaded 40 different files within 24 hours.", numbers={"files": 40},
            thresholds={"times": 3, "floor": 30, "cap": 200}, event_ids=[event.pk], event_count=1,
            first_event_id=event.pk, first_at=now, last_at=now,
            usual={"days_known": 9, "hours_utc": [8, 9, 10, 13], "networks": ["198.51.0.0/16"], "devices": ["Firefox"],
                   "most_downloads_in_a_day": 4, "most_reads_in_a_day": 60},
        )  # fmt: skip

"""What the duty remembers between two runs. Technical rows, not audited: the findings that come of them are."""

from __future__ import annotations

from django.db import models

from deployhub.kernel.clock import utc_now


class PersonBaseline(models.Model):
    """What is usual for a person (watch/baseline.py), counted event by event."""

    person_id = models.UUIDField(primary_key=True)
    content = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=utc_now)

    def __str__(self) -> str:
        return str(self.person_id)


class WatchMark(models.Model):
    """The one row that the duty locks while it judges.

    Every event up to `settled_id` was judged, and is old enough that no transaction can still bring an earlier one.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    settled_id = models.BigIntegerField(default=0)
    ran_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"judged up to {self.settled_id}"


class JudgedEvent(models.Model):
    """An event beyond the settled ones that was judged. Ids commit out of order, so a watermark alone would miss some."""

    event_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.event_id)

"""How people keep the review: thresholds and mutes of rules, that they looked, and the week's digest."""

from __future__ import annotations

from django.db import models

from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now


class RuleSetting(AuditedModel):
    """What people changed of one rule. A rule without a row has its defaults and is not muted."""

    rule = models.CharField(max_length=40, unique=True)
    thresholds = models.JSONField(default=dict)
    muted_until = models.DateTimeField(null=True)
    muted_by_name = models.CharField(max_length=200, blank=True)
    mute_reason = models.CharField(max_length=300, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["rule"]

    def __str__(self) -> str:
        return self.rule

    @property
    def is_muted(self) -> bool:
        return self.muted_until is not None and self.muted_until > utc_now()


class Review(AuditedModel):
    """Somebody looked through the findings, and says so."""

    reviewer_id = models.UUIDField()
    reviewer_name = models.CharField(max_length=200)
    open_findings = models.PositiveIntegerField()
    note = models.CharField(max_length=500, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.reviewer_name}, {self.open_findings} open"


class Digest(AuditedModel):
    """One week of the review, as it stood when the week was over."""

    week_start = models.DateField(unique=True)
    content = models.JSONField(default=dict)
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    recipients = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-week_start"]

    def __str__(self) -> str:
        return f"Week of {self.week_start:%d %B %Y}"

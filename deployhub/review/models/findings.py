"""What a rule found, and what people said of it."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import models

from deployhub.audit.audited import AuditedModel
from deployhub.review.watch.vocab import CLOSING_STATES, FindingState, Severity


class Finding(AuditedModel):
    """One thing that a rule noticed. It keeps names and numbers of that time: a rule that is tuned later changes none.

    Like the log it has no foreign keys to what it tells about; `event_ids` are events of the audit log.
    """

    rule = models.CharField(max_length=40)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    state = models.CharField(max_length=10, choices=FindingState.choices, default=FindingState.OPEN)
    person_id = models.UUIDField(null=True)
    person_name = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=64)
    """Digest of whom or what it is about: hits of one subject that are close in time are one finding."""
    told = models.CharField(max_length=600)
    numbers = models.JSONField(default=dict)
    thresholds = models.JSONField(default=dict)
    usual = models.JSONField(default=dict)
    """What was usual for the person just before."""
    event_ids = models.JSONField(default=list)
    event_count = models.PositiveIntegerField(default=0)
    first_event_id = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)
    closed_by_id = models.UUIDField(null=True)
    closed_by_name = models.CharField(max_length=200, blank=True)
    closing_reason = models.CharField(max_length=500, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject", "first_event_id"], name="finding_once")
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="finding_state"),
            models.Index(fields=["rule", "subject", "-last_at"], name="finding_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.told}"[:200]

    @property
    def is_closed(self) -> bool:
        return self.state in CLOSING_STATES

    def is_about(self, user_id: UUID | None) -> bool:
        return user_id is not None and self.person_id == user_id


class FindingComment(AuditedModel):
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="comments")
    author_id = models.UUIDField(null=True)
    author_name = models.CharField(max_length=200)
    text = models.CharField(max_length=2000)

    class Meta(AuditedModel.Meta):
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.author_name}: {self.text[:80]}"

"""How long events are kept, and what is kept in spite of that."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from deployhub.audit.audited import AuditedModel
from deployhub.review.vocab import ActionGroup


class RetentionRule(AuditedModel):
    """What this installation decided for one group, in place of the default. `keep_days` None: for ever."""

    group = models.CharField(max_length=20, choices=ActionGroup.choices, unique=True)
    keep_days = models.PositiveIntegerField(null=True)

    class Meta(AuditedModel.Meta):
        ordering = ["group"]

    def __str__(self) -> str:
        return self.get_group_display()

    def audit_type(self) -> str:
        return "retention_rule"


class LegalHold(AuditedModel):
    """Events that must not go, whatever their age: those that fit every criterion which is set."""

    reason = models.CharField(max_length=500)
    placed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    person_id = models.UUIDField(null=True)
    project_id = models.UUIDField(null=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    release_reason = models.CharField(max_length=500, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Hold since {self.created_at:%Y-%m-%d}"

    def audit_type(self) -> str:
        return "legal_hold"

    def audit_project_id(self) -> None:
        return None

    @property
    def is_active(self) -> bool:
        return self.released_at is None

    @property
    def condition(self) -> Q:
        """Which events it holds."""
        found = Q()
        if self.person_id is not None:
            found &= Q(actor_id=self.person_id) | Q(subject_id=self.person_id)
        if self.project_id is not None:
            found &= Q(project_id=self.project_id)
        for name in ("object_type", "object_id"):
            if getattr(self, name):
                found &= Q(**{name: getattr(self, name)})
        if self.since is not None:
            found &= Q(at__gte=self.since)
        if self.until is not None:
            found &= Q(at__lt=self.until)
        return found

    @property
    def criteria(self) -> dict[str, Any]:
        names = ("person_id", "project_id", "object_type", "object_id", "since", "until")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

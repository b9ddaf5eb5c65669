"""One append-only table. Triggers (migration 0002) refuse UPDATE and DELETE on PostgreSQL and SQLite."""

from __future__ import annotations

from django.db import models

from deployhub.audit.vocab import SCHEMA_VERSION, Operation, Outcome
from deployhub.kernel.actor import ActorKind, Door
from deployhub.kernel.clock import utc_now


class AuditEvent(models.Model):
    """Who did what to which object, when, through which door, with what outcome.

    It has no foreign keys: names and ids are snapshots, so the log stands when what it tells about is gone.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=utc_now, editable=False)
    action = models.CharField(max_length=64)
    operation = models.CharField(max_length=8, choices=Operation.choices)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.SUCCESS)
    actor_kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in ActorKind])
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=200)
    door = models.CharField(max_length=10, choices=[(d.value, d.value) for d in Door])
    address = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    auth_method = models.CharField(max_length=20, blank=True)
    acting_as = models.CharField(max_length=80, blank=True)
    session_id = models.CharField(max_length=64, blank=True)
    token_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    job_id = models.UUIDField(null=True)
    project_id = models.UUIDField(null=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    changes = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    schema_version = models.PositiveSmallIntegerField(default=SCHEMA_VERSION)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_object"),
            models.Index(fields=["actor_id", "-id"], name="audit_actor"),
            models.Index(fields=["project_id", "-id"], name="audit_project"),
            models.Index(fields=["action", "-id"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.object_type} {self.object_label}".strip()

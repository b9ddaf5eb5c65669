"""Words of the audit log."""

from __future__ import annotations

from django.db import models


class Outcome(models.TextChoices):
    SUCCESS = "success", "Success"
    DENIED = "denied", "Denied"
    FAILED = "failed", "Failed"


class Operation(models.TextChoices):
    CREATE = "create", "Created"
    UPDATE = "update", "Changed"
    DELETE = "delete", "Deleted"
    READ = "read", "Read"
    EVENT = "event", "Event"


MASK = "••••••"
"""Stands in the log where a secret changed: that it changed is told, what it was is not."""

SCHEMA_VERSION = 1

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


class Permit(models.TextChoices):
    ERASE = "erase", "Empty the personal parts"
    PRUNE = "prune", "Remove the sealed event; its leaf stays"


ERASURE, PRUNING = "audit_erasure", "audit_pruning"
"""Kinds of object of the events that account for what was erased or pruned; such events are never pruned."""

PERSONAL_APPS = frozenset({"accounts", "access"})
"""Apps whose rows are about the person that their `user_id` names."""

MASK = "••••••"
"""Stands in the log where a secret changed: that it changed is told, what it was is not."""

SCHEMA_VERSION = 2

"""Words of oversight: groups of actions, and how long the events of each are kept."""

from __future__ import annotations

from datetime import timedelta

from django.db import models


class ActionGroup(models.TextChoices):
    """What kind of doing an event tells of."""

    CHANGES = "changes", "Changes of models and their data"
    DOWNLOADS = "downloads", "Downloads, and reads of this log"
    READS = "reads", "Reads"
    SIGN_INS = "sign-ins", "Sign-ins and sessions"
    IDENTITY = "identity", "Accounts, roles, tokens"
    REFUSALS = "refusals", "Refusals"
    WORK = "work", "Jobs, uploads, the system"
    OVERSIGHT = "oversight", "Oversight of this log"


ACTION_GROUPS: tuple[tuple[str, ActionGroup], ...] = (
    ("audit.view", ActionGroup.DOWNLOADS),
    ("*.download", ActionGroup.DOWNLOADS),
    ("*.view", ActionGroup.READS),
    ("*.history", ActionGroup.READS),
    ("*.use", ActionGroup.READS),
    ("audit.*", ActionGroup.OVERSIGHT),
    ("retention.*", ActionGroup.OVERSIGHT),
    ("hold.*", ActionGroup.OVERSIGHT),
    ("person.*", ActionGroup.OVERSIGHT),
    ("rule.*", ActionGroup.OVERSIGHT),
    ("finding.*", ActionGroup.OVERSIGHT),
    ("review.*", ActionGroup.OVERSIGHT),
    ("account.sign*", ActionGroup.SIGN_INS),
    ("account.prove", ActionGroup.SIGN_INS),
    ("account.rehash", ActionGroup.SIGN_INS),
    ("session.*", ActionGroup.SIGN_INS),
    ("step_up.*", ActionGroup.SIGN_INS),
    ("mfa.recovery_use", ActionGroup.SIGN_INS),
    ("account.*", ActionGroup.IDENTITY),
    ("user.*", ActionGroup.IDENTITY),
    ("mfa.*", ActionGroup.IDENTITY),
    ("passkey.*", ActionGroup.IDENTITY),
    ("token.*", ActionGroup.IDENTITY),
    ("membership.*", ActionGroup.IDENTITY),
    ("role.*", ActionGroup.IDENTITY),
    ("access.*", ActionGroup.IDENTITY),
    ("service.*", ActionGroup.IDENTITY),
    ("invitation.*", ActionGroup.IDENTITY),
    ("security.*", ActionGroup.IDENTITY),
    ("identity.*", ActionGroup.IDENTITY),
    ("identity_provider.*", ActionGroup.IDENTITY),
    ("group_mapping.*", ActionGroup.IDENTITY),
    ("job.*", ActionGroup.WORK),
    ("upload.*", ActionGroup.WORK),
    ("system.*", ActionGroup.WORK),
)
"""The group of an action: the first pattern that fits. What fits none is a change, which is kept longest; what was
refused is a refusal, whatever the action."""

TIME_PRESETS: dict[str, tuple[str, timedelta]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "90d": ("Last 90 days", timedelta(days=90)),
    "365d": ("Last 365 days", timedelta(days=365)),
}
FACET_LABELS = {
    "outcome": "Outcome", "action": "Action", "actor": "Who", "project": "Project", "object_type": "Kind of object",
    "door": "Door", "auth_method": "Proved by",
}  # fmt: skip


class ExportForm(models.TextChoices):
    JSON_LINES = "jsonl", "JSON lines: every column, one event a line"
    CSV = "csv", "CSV: for spreadsheets, formulas defused"
    CEF = "cef", "CEF: ArcSight Common Event Format"
    OCSF = "ocsf", "OCSF: Open Cybersecurity Schema Framework"


class ExportKind(models.TextChoices):
    EXPORT = "export", "Export"
    ARCHIVE = "archive", "Archive"


EXPORT_JOB = "audit_export"
EXPORT_KEPT = timedelta(days=7)
"""An export can be downloaded for so long; then its bytes are removed. An archive stays."""
SEARCHES_MAX = 100
"""Saved searches of one person."""

RETENTION_DAYS: dict[str, int | None] = {
    ActionGroup.CHANGES: 3_650,
    ActionGroup.DOWNLOADS: 400,
    ActionGroup.READS: 90,
    ActionGroup.SIGN_INS: 400,
    ActionGroup.IDENTITY: 3_650,
    ActionGroup.REFUSALS: 400,
    ActionGroup.WORK: 400,
    ActionGroup.OVERSIGHT: None,
}
"""For how many days the events of each group are kept, unless the installation decides otherwise; None for ever."""
NEVER_PRUNED = frozenset({ActionGroup.OVERSIGHT})
SHORTEST_RETENTION_DAYS = 30
PRUNE_BATCH = 10_000
PRUNE_BATCHES = 20
"""Batches of one run of the duty: the next run goes on."""
PREVIEW_CAP = 100_000

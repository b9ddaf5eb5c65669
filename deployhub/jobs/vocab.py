"""Words and limits of jobs."""

from __future__ import annotations

from django.db import models


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


LIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
ENDED_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class PhaseState(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class LogLevel(models.TextChoices):
    DEBUG = "debug", "Debug"
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


KIND_LABELS = {
    "export": "Export",
    "certify": "Certificate",
    "inspect": "Inspection",
    "audit_export": "Export of the log",
    "artifact_replay": "Replay",
    "toolchain_build": "Toolchain",
    "toolchain_remove": "Toolchain removal",
    "dataset_check": "Check of a dataset",
}
MAX_ATTEMPTS = 3
LEASE_SECONDS = 30
"""A worker that has not renewed its lease for this long is taken for dead, and its job is given to another."""
HEARTBEAT_SECONDS = 0.5
"""How often a worker asks whether its job was cancelled: bounds how long a cancel takes."""
RECONCILE_SECONDS = 15
WAKE_AGAIN_SECONDS = 15
"""A job still unclaimed this long after its message was sent is announced again: the message may be lost."""
WORKER_SILENT_SECONDS = 45
LOG_LINES_KEPT = 2_000
DEFAULT_QUEUE = "cpu"
TASK_NAME = "deployhub.jobs.run_job"

"""Job and what a worker tells of it."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models.functions import Now

from deployhub.audit.audited import AuditedModel
from deployhub.jobs.vocab import (
    DEFAULT_QUEUE,
    ENDED_STATES,
    KIND_LABELS,
    LIVE_STATES,
    MAX_ATTEMPTS,
    JobState,
    LogLevel,
    PhaseState,
)
from deployhub.kernel.clock import utc_now
from deployhub.kernel.ids import new_id


class Job(AuditedModel):
    """One piece of long work. Its row is the truth; moves of `state` are compare-and-set under `fence`.

    `fence` grows with each claim, so a worker that lost its lease cannot write a result any more.
    """

    UNAUDITED_FIELDS = ("lease_expires_at", "announced_at", "worker_name")

    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    project = models.ForeignKey("registry.Project", on_delete=models.CASCADE, related_name="jobs", null=True)
    """None for work on the instance, which administrators and auditors see."""
    requested_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="jobs", null=True
    )
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    queue = models.CharField(max_length=60, default=DEFAULT_QUEUE)
    spec = models.JSONField(default=dict)
    subject_type = models.CharField(max_length=40, blank=True)
    subject_id = models.UUIDField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=MAX_ATTEMPTS)
    fence = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True)
    worker_name = models.CharField(max_length=120, blank=True)
    cancel_requested_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="job_project"),
            models.Index(fields=["state", "announced_at"], name="job_state"),
            models.Index(fields=["subject_type", "subject_id"], name="job_subject"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def policy_project_id(self) -> UUID | None:
        return self.project_id

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED_STATES

    @property
    def shown_state(self) -> str:
        """The state as a badge tells it: a cancel takes a moment to take hold."""
        return "cancelling" if self.state == JobState.RUNNING and self.cancel_requested_at else self.state

    @property
    def can_cancel(self) -> bool:
        return self.is_live and self.cancel_requested_at is None

    @property
    def can_retry(self) -> bool:
        return self.state in (JobState.FAILED, JobState.CANCELLED)

    @property
    def kind_label(self) -> str:
        return KIND_LABELS.get(self.kind, self.kind.capitalize())

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since the present attempt began, or that it took."""
        if self.started_at is None:
            return None
        return ((self.finished_at or utc_now()) - self.started_at).total_seconds()


class JobPhase(models.Model):
    """One named stretch of a job, with its progress. High volume: written by the worker, not audited."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="phases")
    attempt = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=PhaseState.choices, default=PhaseState.RUNNING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    unit = models.CharField(max_length=30, blank=True)
    started_at = models.DateTimeField(default=utc_now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def elapsed_s(self) -> float:
        return ((self.finished_at or utc_now()) - self.started_at).total_seconds()


class JobLogLine(models.Model):
    """One line of a job's log. High volume: written by the worker, not audited."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log_lines")
    attempt = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=utc_now)
    level = models.CharField(max_length=8, choices=LogLevel.choices, default=LogLevel.INFO)
    text = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text


class WorkerNode(models.Model):
    """A worker process, as it describes itself. Written by its heartbeat, not audited."""

    id = models.UUIDField(primary_key=True, default=new_id)
    name = models.CharField(max_length=120, unique=True)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    slots = models.PositiveSmallIntegerField(default=1)
    versions = models.JSONField(default=dict)
    machine = models.JSONField(default=dict)
    sandbox = models.JSONField(default=dict)
    catalogue = models.ForeignKey("jobs.EngineCatalogue", on_delete=models.SET_NULL, null=True)
    started_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class EngineCatalogue(models.Model):
    """The formats of an engine, as the worker that runs it published them. Keyed by digest."""

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.JSONField()
    published_at = models.DateTimeField(default=utc_now)

    class Meta:
        ordering = ["-published_at"]

    def __str__(self) -> str:
        return self.digest[:12]


class BeatMark(models.Model):
    """When each periodic duty last ran, for the system page."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

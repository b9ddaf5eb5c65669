"""Bodies of the jobs API, field by field."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployhub.jobs.models import Job
from deployhub.jobs.vocab import JobState, LogLevel, PhaseState


class JobErrorSerializer(serializers.Serializer):
    code = serializers.CharField(
        source="error_code", help_text="Code of the cause; the error page explains each."
    )
    detail = serializers.CharField(source="error_detail", help_text="What happened, in one sentence.")
    hint = serializers.CharField(source="error_hint", help_text="What to do about it.")


class JobPhaseSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="Name of the phase.")
    state = serializers.ChoiceField(choices=PhaseState.choices, help_text="State of the phase.")
    done = serializers.IntegerField(help_text="How much of it is done, in units.")
    total = serializers.IntegerField(
        allow_null=True, help_text="How much there is in all; null when unknown."
    )
    unit = serializers.CharField(help_text="What is counted, such as files.")
    elapsed_s = serializers.FloatField(help_text="Seconds that it took, or has taken so far.")


class JobSerializer(serializers.Serializer):
    """A piece of long work."""

    id = serializers.UUIDField(help_text="Id of the job.")
    kind = serializers.CharField(help_text="Kind of work: export, inspect, dataset_check or audit_export.")
    title = serializers.CharField(help_text="What the job does, in words.")
    project = serializers.CharField(
        source="project.slug",
        allow_null=True,
        help_text="Short name of the project; null for work on the instance.",
    )
    state = serializers.ChoiceField(choices=JobState.choices, help_text="State of the job.")
    queue = serializers.CharField(help_text="Queue: workers with this capability take the job.")
    attempt = serializers.IntegerField(help_text="Number of the present or last attempt; 0 while it waits.")
    max_attempts = serializers.IntegerField(help_text="After so many attempts the job is given up.")
    requested_by = serializers.SerializerMethodField(
        help_text="Account that asked for it; null for DeployHub itself."
    )
    worker_name = serializers.CharField(help_text="The worker that has or had it.")
    subject_type = serializers.CharField(help_text="What it works on: version.")
    subject_id = serializers.UUIDField(allow_null=True, help_text="Id of what it works on.")
    created_at = serializers.DateTimeField(help_text="When it was asked for (UTC).")
    started_at = serializers.DateTimeField(allow_null=True, help_text="When the present attempt began (UTC).")
    finished_at = serializers.DateTimeField(allow_null=True, help_text="When it ended (UTC).")
    cancel_requested_at = serializers.DateTimeField(
        allow_null=True, help_text="When a cancel was asked for (UTC)."
    )
    elapsed_s = serializers.FloatField(allow_null=True, help_text="Seconds of the present or last attempt.")
    result = serializers.JSONField(help_text="What it made; an export has artifact_id.")
    error = serializers.SerializerMethodField(help_text="Why it failed; null unless it did.")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_requested_by(self, job: Job) -> str | None:
        return job.requested_by.username if job.requested_by else None

    @extend_schema_field(JobErrorSerializer(allow_null=True))
    def get_error(self, job: Job) -> dict[str, Any] | None:
        return dict(JobErrorSerializer(job).data) if job.state == JobState.FAILED else None


class JobDetailSerializer(JobSerializer):
    """A job with the phases of its present attempt."""

    phases = serializers.SerializerMethodField(help_text="Phases of the present or last attempt, in order.")

    @extend_schema_field(JobPhaseSerializer(many=True))
    def get_phases(self, job: Job) -> list[dict[str, Any]]:
        return list(JobPhaseSerializer(job.phases.filter(attempt=job.attempt), many=True).data)


class JobLogLineSerializer(serializers.Serializer):
    id = serializers.IntegerField(help_text="Grows from line to line: the cursor of `after`.")
    at = serializers.DateTimeField(help_text="When it was written (UTC).")
    attempt = serializers.IntegerField(help_text="Attempt that wrote it.")
    level = serializers.ChoiceField(choices=LogLevel.choices, help_text="How important it is.")
    text = serializers.CharField(help_text="The line.")


class JobLogSerializer(serializers.Serializer):
    lines = JobLogLineSerializer(many=True, help_text="Lines after the cursor, oldest first, at most 500.")
    after = serializers.IntegerField(help_text="Give this as `after` to read on.")
    ended = serializers.BooleanField(help_text="Whether the job has ended and no more lines will come.")

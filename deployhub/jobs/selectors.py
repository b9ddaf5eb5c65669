"""Reads of jobs, scoped to the actor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.audit.scope import event_record
from deployhub.jobs.kinds import STEPS
from deployhub.jobs.models import EngineCatalogue, Job, JobLogLine, JobPhase, WorkerNode
from deployhub.jobs.vocab import WORKER_SILENT_SECONDS, JobState
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import InvalidInput, NotFound


def jobs_visible(actor: Actor) -> QuerySet[Job]:
    return policy.visible(actor, "job.view", Job.objects.select_related("project", "requested_by"))


def job_get(actor: Actor, job_id: UUID) -> Job:
    """Raises NotFound for a job of another project."""
    job = jobs_visible(actor).filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job, or you have no access to it.")
    return job


def job_read(actor: Actor, job_id: UUID) -> Job:
    """Like job_get, written to the audit log."""
    job = job_get(actor, job_id)
    event_record(actor, "job.view", job)
    return job


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a job's progress: a phase that was begun, or one that is still to come."""

    name: str
    state: str
    phase: JobPhase | None = None


def job_steps(job: Job) -> list[Step]:
    """The phases of the present attempt, then those that a job of this kind usually has after them."""
    phases = list(JobPhase.objects.filter(job=job, attempt=job.attempt)) if job.attempt else []
    steps = [Step(phase.name, phase.state, phase) for phase in phases]
    if job.state not in (JobState.QUEUED, JobState.RUNNING):
        return steps
    usual = STEPS.get(job.kind, ())
    reached = [i for i, name in enumerate(usual) if any(phase.name.startswith(name) for phase in phases)]
    return steps + [Step(name, "waiting") for name in usual[max(reached, default=-1) + 1 :]]


def job_log(job: Job, *, after: int = 0, limit: int = 500) -> list[JobLogLine]:
    """Lines of the log with an id above `after`, oldest first."""
    return list(JobLogLine.objects.filter(job=job, id__gt=after)[:limit])


def log_cursor(text: str) -> int:
    """The number in `?after=`. Raises InvalidInput."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(
            "The cursor is not valid.", errors={"after": ["Give a whole number, 0 for the beginning."]}
        )
    return int(text)


def jobs_before(job: Job) -> int:
    """How many jobs wait in the same queue before this one."""
    return Job.objects.filter(state=JobState.QUEUED, queue=job.queue, id__lt=job.pk).count()


def jobs_of_subject(actor: Actor, subject: Any) -> QuerySet[Job]:
    return jobs_visible(actor).filter(subject_type=subject.audit_type(), subject_id=subject.pk)


def workers_alive() -> QuerySet[WorkerNode]:
    return WorkerNode.objects.filter(
        stopped_at=None, last_seen_at__gte=utc_now() - timedelta(seconds=WORKER_SILENT_SECONDS)
    )


def catalogue_current() -> dict[str, Any] | None:
    """The catalogue that a living worker published, else the newest; None when no worker ever started."""
    alive = (
        workers_alive().exclude(catalogue=None).select_related("catalogue").order_by("-last_seen_at").first()
    )
    if alive is not None and alive.catalogue is not None:
        return alive.catalogue.content
    newest = EngineCatalogue.objects.first()
    return newest.content if newest else None

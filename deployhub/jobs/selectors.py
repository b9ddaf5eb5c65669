"""Reads of jobs, scoped to the actor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.jobs.models import EngineCatalogue, Job, WorkerNode
from deployhub.jobs.vocab import WORKER_SILENT_SECONDS
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import NotFound


def jobs_visible(actor: Actor) -> QuerySet[Job]:
    return policy.visible(actor, "job.view", Job.objects.select_related("project", "requested_by"))


def job_get(actor: Actor, job_id: UUID) -> Job:
    """Raises NotFound for a job of another project."""
    job = jobs_visible(actor).filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job, or you have no access to it.")
    return job


def jobs_of_subject(actor: Actor, subject: Any) -> QuerySet[Job]:
    return jobs_visible(actor).filter(subject_type=subject.audit_type(), subject_id=subject.pk)


def workers_alive() -> QuerySet[WorkerNode]:
    return WorkerNode.objects.filter(
        stopped_at=None, last_seen_at__gte=utc_now() - timedelta(seconds=WORKER_SILENT_SECONDS)
    )


def catalogue_current() -> dict[str, Any] | None:
    """The catalogue that a living worker published, else the newest; None when no worker ever started."""
    alive = workers_alive().exclude(catalogue=None).select_related("catalogue").order_by("-last_seen_at").first()
    if alive is not None and alive.catalogue is not None:
        return alive.catalogue.content
    newest = EngineCatalogue.objects.first()
    return newest.content if newest else None

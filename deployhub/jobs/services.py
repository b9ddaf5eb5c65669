"""Moves of a job. Every move is a compare-and-set; a broker message is only a wake-up and may be lost or doubled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from deployhub.audit.scope import audit_scope, require_scope
from deployhub.jobs.models import BeatMark, Job, JobLogLine, JobPhase
from deployhub.jobs.vocab import (
    DEFAULT_QUEUE,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    TASK_NAME,
    WAKE_AGAIN_SECONDS,
    JobState,
    PhaseState,
)
from deployhub.kernel.actor import Actor, ActorKind, Door, system_actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict
from deployhub.usecase import usecase

log = logging.getLogger(__name__)


def _from_now(seconds: float) -> ExpressionWrapper:
    """Database time plus `seconds`: hosts may disagree on the time, the database has one clock."""
    return ExpressionWrapper(Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField())


def job_enqueue(
    *,
    actor: Actor,
    kind: str,
    title: str,
    project: Any,
    spec: dict[str, Any],
    subject: Any = None,
    queue: str = DEFAULT_QUEUE,
) -> Job:
    """Queue a job within the use case that asks for it; workers are woken after the commit."""
    require_scope("Job")
    job = Job.objects.create(
        kind=kind,
        title=title[:200],
        project=project,
        requested_by_id=actor.user_id,
        spec=spec,
        queue=queue,
        subject_type=subject.audit_type() if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
    )
    transaction.on_commit(lambda: job_announce(job_id=job.pk, queue=queue), robust=True)
    return job


def job_announce(*, job_id: UUID, queue: str) -> bool:
    """Wake a worker. False when the broker does not answer: the reconciler announces the job again later."""
    try:
        current_app.send_task(TASK_NAME, args=[str(job_id)], queue=queue, retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("The broker did not take the wake-up of job %s: %s", job_id, error)
        return False
    Job.objects.filter(pk=job_id).unaudited_update(announced_at=Now())
    return True


def job_actor(job: Job) -> Actor:
    """Who asked for the job, acting through the worker."""
    user = job.requested_by
    if user is None:
        return system_actor("DeployHub", job_id=job.pk)
    return Actor(
        kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
        name=user.audit_label(),
        door=Door.WORKER,
        user_id=user.pk,
        is_administrator=user.is_administrator and user.is_active,
        is_auditor=user.is_auditor and user.is_active,
        job_id=job.pk,
    )


def job_claim(*, job_id: UUID, worker_name: str) -> Job | None:
    """Take a queued job, or one whose worker fell silent. None when another has it, or it has ended."""
    expired = Q(state=JobState.RUNNING, lease_expires_at__lt=Now(), attempt__lt=F("max_attempts"))
    with transaction.atomic(), audit_scope(system_actor(f"worker {worker_name}", job_id=job_id), "job.claim"):
        taken = (
            Job.objects.filter(Q(state=JobState.QUEUED) | expired, pk=job_id, cancel_requested_at=None)
        ).compare_and_set(
            state=JobState.RUNNING,
            attempt=F("attempt") + 1,
            fence=F("fence") + 1,
            worker_name=worker_name,
            lease_expires_at=_from_now(LEASE_SECONDS),
            started_at=Now(),
            finished_at=None,
            error_code="",
            error_detail="",
            error_hint="",
        )
        if not taken:
            return None
        job = Job.objects.select_related("project", "requested_by").get(pk=job_id)
    # An earlier attempt that died could not say so; its last phase must not look alive.
    JobPhase.objects.filter(job_id=job_id, attempt__lt=job.attempt, state=PhaseState.RUNNING).update(
        state=PhaseState.FAILED, finished_at=utc_now()
    )
    return job


def job_heartbeat(*, job_id: UUID, fence: int) -> bool:
    """Renew the lease. False when the job was cancelled or given to another: the worker must stop."""
    mine = Job.objects.filter(pk=job_id, fence=fence, state=JobState.RUNNING, cancel_requested_at=None)
    return mine.unaudited_update(lease_expires_at=_from_now(LEASE_SECONDS)) == 1


def job_should_stop(*, job_id: UUID, fence: int) -> bool:
    """Whether the job was cancelled or given to another."""
    return not Job.objects.filter(
        pk=job_id, fence=fence, state=JobState.RUNNING, cancel_requested_at=None
    ).exists()


def job_succeed(*, job: Job, result: dict[str, Any], commit: Callable[[], dict[str, Any] | None]) -> bool:
    """Commit the handler's rows and move the job to *succeeded*, both or neither. False when the fence is lost."""
    with transaction.atomic(durable=True), audit_scope(job_actor(job), "job.succeed"):
        moved = (
            _owned(job)
            .filter(cancel_requested_at=None)
            .compare_and_set(state=JobState.SUCCEEDED, finished_at=Now(), lease_expires_at=None)
        )
        if not moved:
            return False
        facts = commit() or {}
        Job.objects.filter(pk=job.pk).update(result={**result, **facts})
    _phases_close(job, PhaseState.DONE)
    return True


def job_fail(
    *,
    job: Job,
    code: str,
    detail: str,
    hint: str = "",
    by: Actor | None = None,
    commit: Callable[[], object] | None = None,
) -> bool:
    """Move the job to *failed* with its cause. False when the fence is lost, or when the job was cancelled:
    what fails because it was killed has not failed. `commit` writes rows in the same transaction.
    """
    with transaction.atomic(durable=True), audit_scope(by or job_actor(job), "job.fail", reason=detail):
        moved = (
            _owned(job, expired=by is not None)
            .filter(cancel_requested_at=None)
            .compare_and_set(
                state=JobState.FAILED,
                finished_at=Now(),
                lease_expires_at=None,
                error_code=code[:60],
                error_detail=detail,
                error_hint=hint,
            )
        )
        if moved and commit is not None:
            commit()
    if moved:
        _phases_close(job, PhaseState.FAILED)
    return moved


def job_stop(*, job: Job) -> bool:
    """The worker has killed the work of a cancelled job: move it to *cancelled*. False when nobody cancelled it."""
    with transaction.atomic(durable=True), audit_scope(job_actor(job), "job.stop"):
        moved = (
            _owned(job)
            .exclude(cancel_requested_at=None)
            .compare_and_set(state=JobState.CANCELLED, finished_at=Now(), lease_expires_at=None)
        )
    if moved:
        _phases_close(job, PhaseState.FAILED)
    return moved


def job_requeue(*, job: Job, reason: str, by: Actor) -> bool:
    """Take back a job whose worker died; another attempt follows."""
    with transaction.atomic(durable=True), audit_scope(by, "job.requeue", reason=reason):
        moved = _owned(job, expired=True).compare_and_set(
            state=JobState.QUEUED, lease_expires_at=None, announced_at=None
        )
    if moved:
        _phases_close(job, PhaseState.FAILED)
        log_append(
            job=job, level="warning", text=f"{reason} Retrying ({job.attempt + 1}/{job.max_attempts})."
        )
    return moved


def job_hand_back(*, job: Job, worker_name: str) -> bool:
    """A worker that is told to stop gives its job back at once; the broken attempt is not held against the job."""
    reason = "The worker was stopped; another one goes on with the job."
    with (
        transaction.atomic(durable=True),
        audit_scope(system_actor(f"worker {worker_name}", job_id=job.pk), "job.requeue", reason=reason),
    ):
        moved = (
            _owned(job)
            .filter(cancel_requested_at=None)
            .compare_and_set(state=JobState.QUEUED, lease_expires_at=None, max_attempts=F("max_attempts") + 1)
        )
    if moved:
        _phases_close(job, PhaseState.FAILED)
        log_append(job=job, level="warning", text=reason)
        job_announce(job_id=job.pk, queue=job.queue)
    return moved


def _owned(job: Job, *, expired: bool = False) -> Any:
    """The row, as long as this attempt still holds it; with `expired`, only when its worker let the lease run out."""
    held = Job.objects.filter(pk=job.pk, fence=job.fence, state=JobState.RUNNING)
    return held.filter(lease_expires_at__lt=Now()) if expired else held


def _phases_close(job: Job, state: str) -> None:
    JobPhase.objects.filter(job_id=job.pk, attempt=job.attempt, state=PhaseState.RUNNING).update(
        state=state, finished_at=utc_now()
    )


def log_append(*, job: Job, text: str, level: str = "info") -> None:
    JobLogLine.objects.create(job=job, attempt=job.attempt, level=level, text=text[:4_000])


@usecase("job.cancel", on="job")
def job_cancel(*, actor: Actor, job: Job) -> Job:
    """Cancel a job: at once when it waits, within two seconds when it runs. Raises Conflict when it has ended."""
    if Job.objects.filter(pk=job.pk, state=JobState.QUEUED).compare_and_set(
        state=JobState.CANCELLED, cancel_requested_at=Now(), finished_at=Now()
    ):
        return Job.objects.get(pk=job.pk)
    if Job.objects.filter(pk=job.pk, state=JobState.RUNNING, cancel_requested_at=None).compare_and_set(
        cancel_requested_at=Now()
    ):
        return Job.objects.get(pk=job.pk)
    job.refresh_from_db()
    raise Conflict(
        f"This job has already {job.get_state_display().lower()}."
        if job.is_ended
        else "This job is already being cancelled.",
        hint="Reload the page to see its present state.",
    )


@usecase("job.retry", on="job")
def job_retry(*, actor: Actor, job: Job) -> Job:
    """Queue a failed or cancelled job again, with three fresh attempts."""
    ended = Job.objects.filter(pk=job.pk, state__in=[JobState.FAILED, JobState.CANCELLED])
    if not ended.compare_and_set(
        state=JobState.QUEUED,
        attempt=0,
        max_attempts=MAX_ATTEMPTS,
        announced_at=None,
        cancel_requested_at=None,
        started_at=None,
        finished_at=None,
        error_code="",
        error_detail="",
        error_hint="",
    ):
        raise Conflict(
            "Only a failed or cancelled job can be run again.", hint="Reload the page to see its state."
        )
    JobPhase.objects.filter(job_id=job.pk).delete()
    JobLogLine.objects.filter(job_id=job.pk).delete()
    transaction.on_commit(lambda: job_announce(job_id=job.pk, queue=job.queue), robust=True)
    return Job.objects.get(pk=job.pk)


def jobs_reconcile() -> dict[str, int]:
    """Find jobs that nobody works on: lost wake-ups are sent again, expired leases are given to another worker.

    After the last attempt the job fails with its cause, so a job that kills its worker cannot run for ever.
    Safe to run twice at once: each move is a compare-and-set.
    """
    counts = {"announced": 0, "requeued": 0, "failed": 0, "cancelled": 0}
    me = system_actor("reconciler")
    for job in Job.objects.filter(state=JobState.RUNNING, lease_expires_at__lt=Now()).select_related(
        "requested_by"
    ):
        if job.cancel_requested_at is not None:
            counts["cancelled"] += job_stop(job=job)
        elif job.attempt >= job.max_attempts:
            counts["failed"] += job_fail(
                job=job,
                by=me.for_job(job.pk),
                code="worker_lost",
                detail=f"The worker died {job.attempt} times while it worked on this job, so it was given up.",
                hint="Look at the log for what came last. Too little memory is the usual cause.",
            )
        else:
            counts["requeued"] += job_requeue(
                job=job, reason="The worker fell silent.", by=me.for_job(job.pk)
            )
    unheard = Q(announced_at=None) | Q(announced_at__lt=_from_now(-WAKE_AGAIN_SECONDS))
    for job_id, queue in Job.objects.filter(unheard, state=JobState.QUEUED).values_list("pk", "queue")[:1000]:
        if not job_announce(job_id=job_id, queue=queue):
            break  # the broker is away: asking it again for each job would only take long
        counts["announced"] += 1
    return counts


def duty_mark(*, name: str, facts: dict[str, int]) -> None:
    """Remember when a periodic duty last ran, for the system page."""
    BeatMark.objects.update_or_create(name=name, defaults={"at": utc_now(), "facts": facts})

"""Run one job: claim, heartbeat, handler, and a single commit under the fence."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from deployhub.engine.client import EngineClient, EngineFailed, EngineStopped
from deployhub.jobs import services
from deployhub.jobs.context import JobContext, JobStopped
from deployhub.jobs.kinds import HANDLERS
from deployhub.jobs.models import Job
from deployhub.jobs.vocab import LEASE_SECONDS
from deployhub.kernel.errors import DeployHubError, StorageFull

log = logging.getLogger(__name__)

_engine: EngineClient | None = None
_engine_lock = threading.Lock()


def engine() -> EngineClient:
    """The engine client of this worker process; made once, shared by its threads."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = EngineClient()
        return _engine


def engine_close() -> None:
    """End the warm engine and what it runs; the worker is stopping."""
    global _engine
    with _engine_lock:
        if _engine is not None:
            _engine.close()
            _engine = None


@contextmanager
def _lease_kept(job: Job) -> Iterator[None]:
    """Renew the lease from a thread of its own, whatever the handler is busy with."""
    ended = threading.Event()

    def beat() -> None:
        try:
            while not ended.wait(LEASE_SECONDS / 4):
                try:
                    services.job_heartbeat(job_id=job.pk, fence=job.fence)
                except (OperationalError, InterfaceError) as error:
                    # The database is away: keep computing. If the fence still holds afterwards, the result counts.
                    log.warning("Heartbeat of job %s missed: %s", job.pk, error)
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"lease-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)


def job_run(*, job_id: UUID, worker_name: str) -> str:
    """Run a job to its end, if it is ours to run. Returns its state, or "skipped"."""
    close_old_connections()
    job = services.job_claim(job_id=job_id, worker_name=worker_name)
    if job is None:
        return "skipped"
    context = JobContext(job=job, engine=engine)
    try:
        with _lease_kept(job):
            return _attempt(job, context)
    finally:
        context.workdir_remove()
        close_old_connections()


def _attempt(job: Job, context: JobContext) -> str:
    handler = HANDLERS.get(job.kind)
    try:
        if handler is None:
            raise DeployHubError(
                f"This worker knows no job of kind {job.kind}.",
                hint="It may run an older version than the server: update the worker.",
                code="unknown_kind",
            )
        finished = handler(context)
        context.stop_check()
        done = services.job_succeed(job=job, result=finished.result, commit=finished.commit)
        if not done:
            raise JobStopped
        return "succeeded"
    except (JobStopped, EngineStopped):
        stopped = services.job_stop(job=job)
        return "cancelled" if stopped else "superseded"
    except EngineFailed as error:
        services.job_fail(job=job, code=error.code, detail=error.detail, hint=error.hint)
    except DeployHubError as error:
        services.job_fail(job=job, code=error.code, detail=error.detail, hint=error.hint)
    except (OperationalError, InterfaceError):
        # The database went away under us: nothing was committed; the lease expires and the job is run again.
        log.exception("Job %s lost the database", job.pk)
        return "lost"
    except OSError as error:
        full = StorageFull() if error.errno == 28 else None
        services.job_fail(
            job=job,
            code=full.code if full else "os_error",
            detail="The worker's disk is full." if full else f"The worker could not use a file: {error.strerror}.",
            hint="Free space, then run the job again." if full else "Look at the worker's log, then run it again.",
        )
    except Exception as error:  # noqa: BLE001 - the last fence: a job must end with a cause, the worker lives on
        log.exception("Job %s failed", job.pk)
        context.log("".join(traceback.format_exception_only(error)).strip(), level="error")
        services.job_fail(
            job=job,
            code="defect",
            detail="DeployHub itself failed while it worked on this job.",
            hint="The worker's log has the details. Please report it; running it again may help.",
        )
    return "failed"

"""Run one job: claim, heartbeat, handler, and a single commit under the fence."""

from __future__ import annotations

import errno
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from deployhub.engine.client import EngineClient, EngineFailed, EngineStopped
from deployhub.jobs import services
from deployhub.jobs.context import JobContext, JobStopped
from deployhub.jobs.kinds import HANDLERS, Refused
from deployhub.jobs.models import Job
from deployhub.jobs.vocab import LEASE_SECONDS
from deployhub.kernel.errors import DeployHubError, StorageFull

log = logging.getLogger(__name__)
R = TypeVar("R")

COMMIT_PATIENCE_SECONDS = 60
"""A finished result waits this long for a database that is away, then is given up; the job is run again."""

_engine: EngineClient | None = None
_engine_lock = threading.Lock()
leaving = threading.Event()
"""Set when this worker was told to stop: its jobs are given back at once."""


def engine() -> EngineClient:
    """The engine client of this worker process; made once, shared by its threads."""
    global _engine
    with _engine_lock:
        if _engine is None:
            work_root = Path(settings.DEPLOYHUB_WORK_ROOT)
            work_root.mkdir(parents=True, exist_ok=True)
            _engine = EngineClient(work_root=work_root)
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
                except DatabaseError as error:
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
    job = services.job_claim(job_id=job_id, worker_name=worker_name)
    if job is None:
        return "skipped"
    context = JobContext(job=job, engine=engine, leaving=leaving)
    try:
        with _lease_kept(job):
            return _attempt(job, context)
    finally:
        context.workdir_remove()


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
        done = _patiently(
            lambda: services.job_succeed(job=job, result=finished.result, commit=finished.commit)
        )
        if not done:
            raise JobStopped
        return "succeeded"
    except (JobStopped, EngineStopped):
        return _stopped(job)
    except Refused as error:
        return _failed(job, code=error.code, detail=error.detail, hint=error.hint, commit=error.commit)
    except EngineFailed as error:
        if leaving.is_set():
            return _stopped(job)  # the engine was ended with its worker: that is no failure of the job
        return _failed(job, code=error.code, detail=error.detail, hint=error.hint)
    except DeployHubError as error:
        return _failed(job, code=error.code, detail=error.detail, hint=error.hint)
    except (OperationalError, InterfaceError):
        # The database went away under us: nothing was committed; the lease expires and the job is run again.
        log.exception("Job %s lost the database", job.pk)
        return "lost"
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _failed(
                job,
                code=StorageFull.code,
                detail="The worker's disk is full.",
                hint="Free space, then run the job again.",
            )
        return _failed(
            job,
            code="os_error",
            detail=f"The worker could not use a file: {error.strerror}.",
            hint="Look at the worker's log, then run it again.",
        )
    except Exception as error:
        log.exception("Job %s failed", job.pk)
        context.log("".join(traceback.format_exception_only(error)).strip(), level="error")
        return _failed(
            job,
            code="defect",
            detail="DeployHub itself failed while it worked on this job.",
            hint="The worker's log has the details. Please report it; running it again may help.",
        )


def _failed(
    job: Job, *, code: str, detail: str, hint: str, commit: Callable[[], object] | None = None
) -> str:
    if _patiently(lambda: services.job_fail(job=job, code=code, detail=detail, hint=hint, commit=commit)):
        return "failed"
    return _stopped(job)


def _stopped(job: Job) -> str:
    """Say what became of a job whose work was broken off: cancelled, given back, or another worker's by now."""
    if _patiently(lambda: services.job_stop(job=job)):
        return "cancelled"
    if leaving.is_set() and services.job_hand_back(job=job, worker_name=job.worker_name):
        return "handed back"
    return "superseded"


def _patiently(move: Callable[[], R]) -> R:
    """Make a move of the job, and wait for a database that is away. A move that was made already changes nothing."""
    give_up_at = time.monotonic() + COMMIT_PATIENCE_SECONDS
    while True:
        try:
            return move()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or leaving.is_set() or time.monotonic() > give_up_at:
                raise
            log.warning("The database does not answer; the result waits for it.")
            connection.close()
            time.sleep(2)

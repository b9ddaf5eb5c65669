"""The only Celery tasks: one that runs a job, and the periodic duties of beat."""

from __future__ import annotations

from uuid import UUID

from celery import Task, shared_task
from django.db import close_old_connections

from deployhub.jobs import node, services
from deployhub.jobs.runner import job_run
from deployhub.jobs.vocab import TASK_NAME


@shared_task(name=TASK_NAME, bind=True, ignore_result=True)
def run_job(self: Task, job_id: str) -> str:
    """A wake-up: look at the job in the database and run it if it is still to be run."""
    # The task is where a worker's thread comes and goes, as a request is for a web server's: connections that are
    # too old, or that a restart of the database killed, end here and not within a job.
    close_old_connections()
    try:
        return job_run(job_id=UUID(job_id), worker_name=node.worker_name())
    finally:
        close_old_connections()


@shared_task(name="deployhub.jobs.reconcile", ignore_result=True)
def reconcile() -> dict[str, int]:
    counts = services.jobs_reconcile()
    services.duty_mark(name="reconcile", facts=counts)
    return counts

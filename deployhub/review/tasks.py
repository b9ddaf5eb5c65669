"""The duties of oversight, sent by beat."""

from __future__ import annotations

from celery import shared_task

from deployhub.jobs.services import duty_mark
from deployhub.review.services.exports import exports_expire
from deployhub.review.services.retention import retention_run
from deployhub.review.services.reviews import watch as watch_now


@shared_task(name="deployhub.review.watch", ignore_result=True)
def watch() -> dict[str, int]:
    return watch_now()


@shared_task(name="deployhub.review.retention", ignore_result=True)
def retention() -> dict[str, int]:
    counts = {"expired": exports_expire(), **retention_run()}
    duty_mark(name="retention", facts=counts)
    return counts

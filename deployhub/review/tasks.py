"""The duty of the review, sent by beat."""

from __future__ import annotations

from celery import shared_task

from deployhub.review.services.reviews import watch as watch_now


@shared_task(name="deployhub.review.watch", ignore_result=True)
def watch() -> dict[str, int]:
    return watch_now()

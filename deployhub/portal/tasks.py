"""The periodic sweep, sent by beat."""

from __future__ import annotations

from celery import shared_task

from deployhub.portal import services


@shared_task(name="deployhub.portal.sweep", ignore_result=True)
def sweep() -> dict[str, int]:
    return services.sweep()

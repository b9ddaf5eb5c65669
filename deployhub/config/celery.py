"""The Celery application. A message is a wake-up: acknowledged early, one at a time, its loss is mended by the
reconciler (jobs/services.py)."""

from __future__ import annotations

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployhub.config.settings")

import django.conf

_settings = django.conf.settings
DUTIES_QUEUE = "duties"

app = Celery("deployhub")
app.conf.update(
    # redis-py says unix://, kombu says redis+socket:// for the same socket.
    broker_url=_settings.DEPLOYHUB_REDIS_URL.replace("unix://", "redis+socket://", 1),
    result_backend=None,
    task_ignore_result=True,
    task_default_queue="cpu",
    task_queues=[Queue("cpu"), Queue(DUTIES_QUEUE)],
    task_acks_late=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 20,
        "max_retries": 1,
    },
    timezone="UTC",
    beat_schedule={
        "reconcile": {
            "task": "deployhub.jobs.reconcile",
            "schedule": 15.0,
            "options": {"queue": DUTIES_QUEUE, "expires": 15},
        },
        "seal": {
            "task": "deployhub.audit.seal",
            "schedule": 30.0,
            "options": {"queue": DUTIES_QUEUE, "expires": 30},
        },
        "retention": {
            "task": "deployhub.review.retention",
            "schedule": 3600.0,
            "options": {"queue": DUTIES_QUEUE, "expires": 3600},
        },
        "sweep": {
            "task": "deployhub.portal.sweep",
            "schedule": 600.0,
            "options": {"queue": DUTIES_QUEUE, "expires": 600},
        },
        "watch": {
            "task": "deployhub.review.watch",
            "schedule": 60.0,
            "options": {"queue": DUTIES_QUEUE, "expires": 60},
        },
    },
)
app.autodiscover_tasks(["deployhub.audit", "deployhub.jobs", "deployhub.portal", "deployhub.review"])

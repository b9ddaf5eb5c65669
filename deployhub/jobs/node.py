"""This worker process in the list of workers: what it is, what it can do, and that it lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import DatabaseError, connection

from deployhub import __version__
from deployhub.engine.client import EngineFailed, catalogue_read, sandbox_report
from deployhub.jobs.models import EngineCatalogue, Job, WorkerNode
from deployhub.jobs.runner import engine, engine_close
from deployhub.jobs.vocab import JobState
from deployhub.kernel.canonical import canonical_sha256
from deployhub.kernel.clock import utc_now

log = logging.getLogger(__name__)

NODE_HEARTBEAT_SECONDS = 10
CATATONIC_SECONDS = 60
"""With work waiting for this worker's queues and none taken for this long, the worker leaves, to be started anew:
a worker can stop hearing its broker after a reconnect (celery issues 8030, 9054, 10205)."""

_stopping = threading.Event()


def worker_name() -> str:
    return os.environ.get("DEPLOYHUB_WORKER_NAME") or f"{socket.gethostname()}-{os.getpid()}"


def _versions() -> dict[str, str]:
    found = {"deployhub": __version__}
    for package in ("ultralytics", "torch", "onnx", "onnxruntime", "openvino", "celery", "kombu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def node_register(*, queues: list[str], slots: int) -> WorkerNode:
    """Write this worker's row, with its sandbox tier and the catalogue of its engine."""
    sandbox: dict[str, Any] = sandbox_report()
    catalogue = None
    try:
        content = catalogue_read()
        catalogue, _ = EngineCatalogue.objects.update_or_create(
            digest=canonical_sha256(content), defaults={"content": content, "published_at": utc_now()}
        )
    except EngineFailed as error:
        log.error("The engine's catalogue cannot be read: %s", error.detail)
    row, _ = WorkerNode.objects.update_or_create(
        name=worker_name(),
        defaults={
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "queues": queues,
            "slots": slots,
            "versions": _versions(),
            "machine": {"cores": os.cpu_count() or 1, "system": " ".join(os.uname()[i] for i in (0, 2, 4))},
            "sandbox": sandbox,
            "catalogue": catalogue,
            "started_at": utc_now(),
            "last_seen_at": utc_now(),
            "stopped_at": None,
        },
    )
    return row


def _is_catatonic(queues: list[str], idle_since: float) -> bool:
    if time.monotonic() - idle_since < CATATONIC_SECONDS:
        return False
    name = worker_name()
    busy = Job.objects.filter(state=JobState.RUNNING, worker_name=name).exists()
    oldest = Job.objects.filter(state=JobState.QUEUED, queue__in=queues).order_by("announced_at").first()
    if busy or oldest is None:
        return False
    return (utc_now() - oldest.created_at).total_seconds() > CATATONIC_SECONDS


def _beat(queues: list[str], slots: int) -> None:
    registered = False
    idle_since = time.monotonic()
    while not _stopping.wait(0 if not registered else NODE_HEARTBEAT_SECONDS):
        try:
            if not registered:
                node_register(queues=queues, slots=slots)
                registered = True
                engine().warm_up()
            elif WorkerNode.objects.filter(name=worker_name()).update(last_seen_at=utc_now()) == 0:
                registered = False
            if Job.objects.filter(state=JobState.RUNNING, worker_name=worker_name()).exists():
                idle_since = time.monotonic()
            elif _is_catatonic(queues, idle_since):
                log.critical("Jobs wait and this worker hears nothing of them; it leaves to be started anew.")
                os.kill(os.getpid(), 15)
                return
        except DatabaseError as error:
            log.warning("The worker's heartbeat did not reach the database: %s", error)
            connection.close()
            _stopping.wait(2)
        except EngineFailed as error:
            log.error("The engine did not warm up: %s", error.detail)


@worker_ready.connect
def _on_ready(sender: Any = None, **kwargs: Any) -> None:
    queues = [queue.name for queue in sender.task_consumer.queues] if sender.task_consumer else []
    slots = sender.pool.num_processes if sender.pool else 1
    threading.Thread(target=_beat, args=(queues, slots), name="node-beat", daemon=True).start()


@worker_shutdown.connect
def _on_shutdown(**kwargs: Any) -> None:
    _stopping.set()
    engine_close()
    try:
        WorkerNode.objects.filter(name=worker_name()).update(stopped_at=utc_now())
    except DatabaseError as error:
        log.warning("The worker's leaving did not reach the database: %s", error)


def work_root_sweep() -> None:
    """Remove work folders that a killed worker of this root left behind."""
    import shutil
    from pathlib import Path

    root = Path(settings.DEPLOYHUB_WORK_ROOT)
    live = {
        f"{pk}-{fence}" for pk, fence in Job.objects.filter(state=JobState.RUNNING).values_list("pk", "fence")
    }
    for folder in root.glob("*-*"):
        if folder.name not in live:
            shutil.rmtree(folder, ignore_errors=True)

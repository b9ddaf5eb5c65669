"""This worker process in the list of workers: what it is, what it can do, and that it lives."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connection

from deployhub import __version__
from deployhub.engine.client import EngineFailed, catalogue_read, sandbox_report
from deployhub.jobs.models import EngineCatalogue, Job, WorkerNode
from deployhub.jobs.runner import engine, engine_close, leaving
from deployhub.jobs.services import jobs_reconcile
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


class Hearing:
    """Whether this worker still hears its broker: a job that waits for it and stays untaken while it idles says no.

    It counts from when this worker first saw the job wait, on its own monotonic clock; a job's age says nothing,
    since a retried job may be days old.
    """

    def __init__(self, queues: list[str]) -> None:
        self._queues = queues
        self._waiting_since: dict[tuple[Any, int], float] = {}

    def is_lost(self, *, now_s: float) -> bool:
        if Job.objects.filter(state=JobState.RUNNING, worker_name=worker_name()).exists():
            self._waiting_since = {}
            return False
        waiting = Job.objects.filter(state=JobState.QUEUED, queue__in=self._queues).exclude(announced_at=None)
        keys = waiting.order_by("id").values_list("pk", "fence")[:100]
        self._waiting_since = {key: self._waiting_since.get(key, now_s) for key in keys}
        return any(now_s - since > CATATONIC_SECONDS for since in self._waiting_since.values())


def _alive_mark() -> None:
    """Touch a file for the container's health check, which must not cost a start of Django."""
    root = Path(settings.DEPLOYHUB_WORK_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    (root / ".alive").touch()


def _beat(queues: list[str], slots: int) -> None:
    registered = False
    hearing = Hearing(queues)
    while not _stopping.wait(0 if not registered else NODE_HEARTBEAT_SECONDS):
        try:
            # Again and again: while the job of a killed attempt still counts as running, its folder is spared.
            work_root_sweep()
            if not registered:
                node_register(queues=queues, slots=slots)
                registered = True
                engine().warm_up()
            elif WorkerNode.objects.filter(name=worker_name()).update(last_seen_at=utc_now()) == 0:
                registered = False
            _alive_mark()
            # Beat sends the same duty as a task; but a task waits while every thread works on a long job, and the
            # jobs of a dead neighbour must not. Doubled it does no harm: each move is a compare-and-set.
            jobs_reconcile()
            if hearing.is_lost(now_s=time.monotonic()):
                log.critical("Jobs wait and this worker hears nothing of them; it leaves to be started anew.")
                os.kill(os.getpid(), 15)
                return
        except DatabaseError as error:
            log.warning("The worker's heartbeat did not reach the database: %s", error)
            connection.close()
            _stopping.wait(2)
        except EngineFailed as error:
            log.error("The engine did not warm up: %s", error.detail)
        except Exception:
            log.exception("The worker's heartbeat stumbled")
            _stopping.wait(2)


@worker_ready.connect
def _on_ready(sender: Any = None, **kwargs: Any) -> None:
    queues = [queue.name for queue in sender.task_consumer.queues] if sender.task_consumer else []
    slots = sender.pool.num_processes if sender.pool else 1
    threading.Thread(target=_beat, args=(queues, slots), name="node-beat", daemon=True).start()


@worker_shutting_down.connect
def _on_shutting_down(**kwargs: Any) -> None:
    leaving.set()


@worker_shutdown.connect
def _on_shutdown(**kwargs: Any) -> None:
    _stopping.set()
    engine_close()
    try:
        WorkerNode.objects.filter(name=worker_name()).update(stopped_at=utc_now())
    except DatabaseError as error:
        log.warning("The worker's leaving did not reach the database: %s", error)


def work_root_sweep() -> None:
    """Remove work folders that a killed worker of this root left behind; a live job's own and what it made beside it stay."""
    # Folders first, jobs second: a job that is claimed in between has its folder spared.
    folders = list(Path(settings.DEPLOYHUB_WORK_ROOT).glob("*-*"))
    if not folders:
        return
    live = {
        f"{pk}-{fence}" for pk, fence in Job.objects.filter(state=JobState.RUNNING).values_list("pk", "fence")
    }
    for folder in folders:
        if folder.name.partition(".")[0] not in live:
            shutil.rmtree(folder, ignore_errors=True)

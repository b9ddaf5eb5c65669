"""The state of the installation, each part with a plain verdict. Read by the system page, /readyz and /metrics."""

from __future__ import annotations

import platform
import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import redis
from django.conf import settings
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min

from deployhub import __version__
from deployhub.audit.selectors import proofs
from deployhub.jobs.models import BeatMark, Job, WorkerNode
from deployhub.jobs.selectors import workers_alive
from deployhub.jobs.vocab import JobState
from deployhub.kernel.clock import utc_now
from deployhub.kernel.units import GIB, duration_text, size_text
from deployhub.portal.transport import tls_check
from deployhub.portal.vocab import Check, Verdict

FREE_LOW_BYTES = 5 * GIB
FREE_EMPTY_BYTES = GIB // 2
BEAT_SILENT = timedelta(seconds=75)
QUEUE_LATE = timedelta(minutes=2)


def versions() -> dict[str, str]:
    return {"DeployHub": __version__, "Django": django.get_version(), "Python": platform.python_version()}


def database_check() -> Check:
    started = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        elapsed_ms = (time.perf_counter() - started) * 1000
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Check(
            "Database",
            Verdict.DOWN,
            f"does not answer: {error}",
            "Look at the database server and DATABASE_URL.",
        )
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)
    if pending:
        return Check(
            "Database", Verdict.DOWN, f"{name}, {len(pending)} migrations missing", "Run: manage.py migrate"
        )
    size = _database_size()
    return Check(
        "Database", Verdict.OK, f"{name} {_database_version()}, answers in {elapsed_ms:.1f} ms, {size}"
    )


def _database_version() -> str:
    if connection.vendor == "sqlite":
        from sqlite3 import sqlite_version

        return sqlite_version
    number = connection.pg_version  # type: ignore[attr-defined]
    return f"{number // 10_000}.{number % 10_000}"


def _database_size() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        else:
            cursor.execute("SELECT pg_database_size(current_database())")
        return size_text(cursor.fetchone()[0])


def _redis() -> redis.Redis:
    url = settings.DEPLOYHUB_REDIS_URL.replace("redis+socket://", "unix://")
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1)


def broker_check() -> Check:
    try:
        with _redis() as client:
            started = time.perf_counter()
            client.ping()
            elapsed_ms = (time.perf_counter() - started) * 1000
            facts: Any = client.info("server")
            safe: Any = client.info("persistence")
    except (redis.RedisError, OSError) as error:
        return Check(
            "Broker",
            Verdict.DEGRADED,
            f"does not answer: {error}",
            "Jobs are kept in the database and start when it is back. Look at REDIS_URL and the broker.",
        )
    name = "Valkey" if "valkey_version" in facts else "Redis"
    number = facts.get("valkey_version") or facts.get("redis_version")
    if not safe.get("aof_enabled"):
        return Check(
            "Broker", Verdict.DEGRADED, f"{name} {number}, without append-only file",
            "Wake-ups are lost when it restarts, and come again after 15 s. Set: appendonly yes",
        )  # fmt: skip
    return Check(
        "Broker", Verdict.OK, f"{name} {number}, answers in {elapsed_ms:.1f} ms, append-only file on"
    )


def storage_check() -> Check:
    options = settings.STORAGES["blobs"].get("OPTIONS", {})
    if "bucket_name" in options:
        try:
            storages["blobs"].exists("readiness")
        except Exception as error:  # noqa: BLE001 - the driver's errors are of many kinds; each means "down"
            return Check(
                "Storage",
                Verdict.DOWN,
                f"bucket {options['bucket_name']}: {error}",
                "Look at STORAGE_URL and the keys.",
            )
        return Check("Storage", Verdict.OK, f"S3 bucket {options['bucket_name']}")
    folder = Path(options["location"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check(
            "Storage",
            Verdict.DOWN,
            f"{folder}: {error.strerror}",
            "Look at STORAGE_URL and the folder's rights.",
        )
    found = f"{folder}, {size_text(free)} free"
    if free < FREE_EMPTY_BYTES:
        return Check("Storage", Verdict.DOWN, found, "Free space: uploads and exports are refused.")
    if free < FREE_LOW_BYTES:
        return Check("Storage", Verdict.DEGRADED, found, "Space is running low.")
    return Check("Storage", Verdict.OK, found)


def workers_check() -> Check:
    alive = list(workers_alive())
    if not alive:
        return Check(
            "Workers", Verdict.DOWN, "none is running", "Start a worker: jobs wait in the queue until then."
        )
    slots = sum(worker.slots for worker in alive)
    return Check("Workers", Verdict.OK, f"{len(alive)} running, {slots} jobs at a time")


def sandbox_check() -> Check:
    tiers = {worker.sandbox.get("tier", "0") for worker in workers_alive()}
    if not tiers:
        return Check("Sandbox", Verdict.DEGRADED, "unknown: no worker is running")
    if "0" in tiers:
        return Check(
            "Sandbox", Verdict.DOWN, "a worker cannot confine the engine and refuses every model file",
            "Its kernel lacks Landlock or seccomp, or forbids them to it. See the worker below.",
        )  # fmt: skip
    if "B" in tiers:
        return Check(
            "Sandbox", Verdict.OK, "tier B: Landlock, seccomp and limits; no namespaces on this host",
            "Install bubblewrap and allow user namespaces for tier A.",
        )  # fmt: skip
    return Check("Sandbox", Verdict.OK, "tier A: namespaces, Landlock, seccomp and limits")


def beat_check() -> Check:
    mark = BeatMark.objects.filter(name="reconcile").first()
    if mark is None:
        return Check("Beat", Verdict.DEGRADED, "never ran", "Start beat and a worker.")
    age = utc_now() - mark.at
    found = f"last ran {duration_text(age.total_seconds())} ago"
    if age > BEAT_SILENT:
        return Check(
            "Beat",
            Verdict.DEGRADED,
            found,
            "Lost jobs are not found until it runs again. Look at beat and the workers.",
        )
    return Check("Beat", Verdict.OK, found)


def seal_check() -> Check:
    """The audit log's seal and the copies of its checkpoints."""
    faults = proofs.seal_faults()
    if faults:
        state = proofs.seal_state()
        verdict = Verdict.DOWN if state is not None and state.problem else Verdict.DEGRADED
        return Check("Seal", verdict, "; ".join(faults), "See the audit log's seal, and Operations.")
    latest, copies = proofs.checkpoint_latest(), len(proofs.witnesses())
    size = latest.size if latest else 0
    return Check(
        "Seal", Verdict.OK, f"{size} events sealed, copies in {copies} place{'' if copies == 1 else 's'}"
    )


def queues() -> list[dict[str, Any]]:
    """Each queue: how many wait, since when, how many run, and whether any worker listens."""
    listening: dict[str, int] = {}
    for worker in workers_alive():
        for name in worker.queues:
            listening[name] = listening.get(name, 0) + 1
    waiting = {
        row["queue"]: row
        for row in Job.objects.filter(state=JobState.QUEUED)
        .values("queue")
        .annotate(n=Count("id"), oldest=Min("created_at"))
    }
    running = dict(Job.objects.filter(state=JobState.RUNNING).values_list("queue").annotate(n=Count("id")))
    return [
        {
            "name": name,
            "waiting": waiting.get(name, {}).get("n", 0),  # type: ignore[call-overload]
            "oldest": waiting.get(name, {}).get("oldest"),  # type: ignore[call-overload]
            "running": running.get(name, 0),
            "workers": listening.get(name, 0),
        }
        for name in sorted({*waiting, *running, *listening} - {"duties"})
    ]


def queues_check() -> Check:
    rows = queues()
    waiting = sum(row["waiting"] for row in rows)
    deaf = [row["name"] for row in rows if row["waiting"] and not row["workers"]]
    if deaf:
        return Check(
            "Queues",
            Verdict.DEGRADED,
            f"nobody listens to {', '.join(deaf)}",
            "Start a worker that has this queue.",
        )
    late = [row for row in rows if row["oldest"] and utc_now() - row["oldest"] > QUEUE_LATE]
    if late:
        return Check(
            "Queues",
            Verdict.DEGRADED,
            f"{waiting} jobs wait, the oldest for over two minutes",
            "More workers would help.",
        )
    return Check("Queues", Verdict.OK, f"{waiting} waiting")


def system_checks() -> list[Check]:
    first = database_check()
    if first.verdict is Verdict.DOWN:
        return [first, broker_check(), storage_check(), tls_check()]
    return [
        first,
        broker_check(),
        storage_check(),
        workers_check(),
        queues_check(),
        sandbox_check(),
        beat_check(),
        seal_check(),
        tls_check(),
    ]


def readiness_checks() -> list[Check]:
    """What this web process cannot serve without; a missing broker or worker costs latency only."""
    return [database_check(), storage_check()]


def workers_listed() -> list[WorkerNode]:
    """Workers that live, and those that fell silent within a day."""
    return list(WorkerNode.objects.filter(last_seen_at__gte=utc_now() - timedelta(days=1), stopped_at=None))

"""What a full verification costs, over one million events: against reading the same rows and plain SHA-256 over the same
bytes, which is the least that anything could do that looks at every event.

A verification makes each event's canonical form anew, checks its code, its leaf and its personal digests, grows the
tree, and checks every checkpoint.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from uuid import UUID, uuid4

from benchmarks.stage import django_staged
from benchmarks.table import Row, row_print

EVENTS = 1_000_000
AIM = 3.0


def log_fill(events: int) -> None:
    """A log as it is in use: people at the browser, reads and changes."""
    from django.db import connection, transaction

    from deployhub.audit.models import AuditEvent
    from deployhub.audit.scope import _actor_columns, _insert_row, _insert_statement
    from deployhub.audit.sealing.form import event_mark
    from deployhub.kernel.actor import Actor, ActorKind, Door

    people = [
        Actor(
            kind=ActorKind.USER, name=f"Person {n}", door=Door.BROWSER, user_id=uuid4(), address=f"192.0.2.{n}",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", session_id=f"{n:032x}",
            auth_method="totp", request_id=f"{n:032x}",
        )
        for n in range(40)
    ]  # fmt: skip
    done = 0
    while done < events:
        rows = []
        for number in range(done, min(done + 20_000, events)):
            event = AuditEvent(
                action="version.view" if number % 5 else "model.update",
                operation="read" if number % 5 else "update",
                project_id=UUID(int=number % 50),
                object_type="modelversion",
                object_id=str(UUID(int=number)),
                object_label=f"circles v{number % 1000}",
                changes={} if number % 5 else {"description": ["before", f"after {number}"]},
                **_actor_columns(people[number % 40]),
            )
            event_mark(event)
            rows.append(_insert_row(event))
        with transaction.atomic(), connection.cursor() as cursor:  # noqa: TID251 - fills the log itself
            cursor.executemany(_insert_statement(), rows)
        done += len(rows)


def least_seconds() -> float:
    """Reading the rows, and SHA-256 over the bytes that verification hashes as leaves; their making is not counted."""
    from deployhub.audit.selectors.rows import leaves_with_rows, sealed_row

    took, batches = 0.0, leaves_with_rows()
    while True:
        started = time.perf_counter()
        batch = next(batches, None)
        took += time.perf_counter() - started
        if batch is None:
            return took
        leaves = [sealed_row(raw[3:]).leaf for raw in batch]
        started = time.perf_counter()
        for leaf in leaves:
            hashlib.sha256(leaf).digest()
        took += time.perf_counter() - started


def measure(label: str, events: int) -> None:
    from deployhub.audit.sealing.keys import public_bytes, signing_key
    from deployhub.audit.selectors.verification import log_verify
    from deployhub.audit.services.sealer import log_seal

    log_fill(events)
    started = time.perf_counter()
    log_seal()
    print(f"sealed {events} events in {time.perf_counter() - started:.1f} s, {label}", flush=True)
    log_seal()
    key = public_bytes(signing_key(make=False).public_key()).hex()
    ours, least = [], []
    for _ in range(2):
        least.append(least_seconds())
        found = log_verify(trusted_key=key, witness_file=None)
        assert found.holds, found.findings
        ours.append(found.seconds)
    ratio = min(ours) / min(least)
    row_print(
        Row(
            f"Verification of {found.events:,} audit events, {label}",
            f"{min(ours):.1f} s",
            f"{min(least):.1f} s to read the rows and hash their bytes",
            ratio,
            f"at most {AIM:g}",
            ratio <= AIM,
        )
    )


def main() -> None:
    if len(sys.argv) > 1:
        with django_staged(sys.argv[2] if len(sys.argv) > 2 else ""):
            measure(sys.argv[1], int(os.environ.get("BENCH_EVENTS", EVENTS)))
        return
    from tests.servers import postgres_serve

    subprocess.run([sys.executable, "-m", "benchmarks.audit_verify", "SQLite"], check=True)
    with postgres_serve(durable=True) as url:
        subprocess.run([sys.executable, "-m", "benchmarks.audit_verify", "PostgreSQL", url], check=True)


if __name__ == "__main__":
    main()

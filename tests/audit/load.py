"""Processes of the tests of promises 11 and 12: `python -m tests.audit.load writer|plain|sealer …` on DATABASE_URL."""

from __future__ import annotations

import random
import sys
import time

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from deployhub.audit.models import AuditEvent  # noqa: E402
from deployhub.audit.scope import _actor_columns, _insert_row, _insert_statement, events_write  # noqa: E402
from deployhub.audit.sealing.form import event_mark  # noqa: E402
from deployhub.audit.services.sealer import log_seal  # noqa: E402
from deployhub.kernel.actor import Actor, ActorKind, Door  # noqa: E402


class Undone(Exception):
    """Rolls a transaction back."""


def event(number: int, seed: int) -> AuditEvent:
    actor = Actor(kind=ActorKind.USER, name=f"writer {seed}", door=Door.API, address="192.0.2.1")
    return AuditEvent(
        action="load.write",
        operation="event",
        object_id=f"{seed}/{number}",
        changes={"n": [None, number]},
        **_actor_columns(actor),
    )


def write(seed: int, count: int, pause_ms: float, *, plain: bool) -> None:
    """`count` events, each in a transaction that stays open for up to `pause_ms`; a tenth is rolled back.

    `plain`: the same INSERT of rows made ready beforehand, which is what the log may cost at least.
    """
    rng, kept = random.Random(seed), 0
    ready = []
    if plain:
        for number in range(count):
            made = event(number, seed)
            event_mark(made)
            ready.append(_insert_row(made))
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for number in range(count):
        try:
            with transaction.atomic():
                if plain:
                    with connection.cursor() as cursor:
                        cursor.execute(_insert_statement(), ready[number])
                else:
                    events_write([event(number, seed)])
                if pause_ms:
                    time.sleep(rng.random() * pause_ms / 1000)
                if rng.random() < 0.1:
                    raise Undone
            kept += 1
        except Undone:
            continue
    print(kept, time.perf_counter() - started, flush=True)


def seal(pause_s: float) -> None:
    print("ready", flush=True)
    while True:
        log_seal(batch=200)
        time.sleep(pause_s)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "sealer":
        seal(float(rest[0]) if rest else 0.005)
    else:
        write(int(rest[0]), int(rest[1]), float(rest[2]), plain=what == "plain")

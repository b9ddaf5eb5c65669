"""Sealing goes on all the time: every second in a thread of each worker, and by beat for what runs no such thread.

A task waits while every slot of the pool is busy with long jobs, and the seal must not. Doubled it does no harm: one
sealer holds the lease, one deliverer claims a witness.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, close_old_connections, connection

from deployhub.audit.services.sealer import seal_duty
from deployhub.audit.services.witnesses import checkpoints_deliver

log = logging.getLogger(__name__)

EVERY_S = 1.0
_stopping = threading.Event()


@shared_task(name="deployhub.audit.seal", ignore_result=True)
def seal() -> int:
    close_old_connections()
    count = seal_duty()
    checkpoints_deliver()
    return count


def _seal_turn() -> None:
    seal_duty()
    checkpoints_deliver(local=True)


def _deliver_turn() -> None:
    checkpoints_deliver(local=False)


def _keep_on(turn: Callable[[], None]) -> None:
    while not _stopping.wait(EVERY_S):
        try:
            close_old_connections()
            turn()
        except DatabaseError as error:
            log.warning("The sealer did not reach the database: %s", error)
            connection.close()
            _stopping.wait(2)
        except Exception:
            log.exception("The sealer stumbled")
            _stopping.wait(2)


@worker_ready.connect
def _on_ready(**kwargs: Any) -> None:
    for turn in (_seal_turn, _deliver_turn):
        threading.Thread(target=_keep_on, args=(turn,), name=turn.__name__.strip("_"), daemon=True).start()


@worker_shutting_down.connect
def _on_shutting_down(**kwargs: Any) -> None:
    _stopping.set()

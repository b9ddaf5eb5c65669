"""Requests share threads one after the other, and never at the same time."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async

from deployhub.doors.threads import THREADS_KEPT, threads_kept

SCOPE = {"type": "http"}


async def _nothing(*args):
    """Neither a message nor a place to send one."""


def _application(seen: list[int], pause_s: float = 0.0):
    def work() -> None:
        time.sleep(pause_s)
        seen.append(threading.get_ident())

    async def application(scope, receive, send):
        # As Django's handler does; the outer context with the kept thread holds.
        async with ThreadSensitiveContext():
            await sync_to_async(work)()
            await sync_to_async(work)()

    return threads_kept(application)


def test_requests_one_after_the_other_run_on_one_thread():
    seen: list[int] = []
    served = _application(seen)

    async def run() -> None:
        for _ in range(5):
            await served(SCOPE, _nothing, _nothing)

    asyncio.run(run())
    assert len(seen) == 10
    assert len(set(seen)) == 1


def test_requests_at_the_same_time_have_a_thread_each_and_none_waits_for_another():
    seen: list[int] = []
    served = _application(seen, pause_s=0.05)
    many = THREADS_KEPT + 8

    async def run() -> float:
        started = time.monotonic()
        await asyncio.gather(*(served(SCOPE, _nothing, _nothing) for _ in range(many)))
        return time.monotonic() - started

    took_s = asyncio.run(run())
    assert len(set(seen)) == many
    assert took_s < many * 0.1 / 2


def test_a_request_that_fails_gives_its_thread_back():
    seen: list[int] = []

    async def broken(scope, receive, send):
        await sync_to_async(lambda: seen.append(threading.get_ident()))()
        raise ValueError("this request fails")

    served = threads_kept(broken)

    async def run() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="fails"):
                await served(SCOPE, _nothing, _nothing)

    asyncio.run(run())
    assert len(seen) == 3
    assert len(set(seen)) == 1

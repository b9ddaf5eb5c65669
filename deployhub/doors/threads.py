"""Threads that outlive a request, so that what they hold open does too: the connection to the database.

Django's ASGI handler gives each request a thread of its own and throws it away. A fresh SQLite connection then costs
every request more than most of its queries; a pool of one-thread executors costs it nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext

Application = Callable[..., Awaitable[None]]

THREADS_KEPT = 16
"""Idle threads that are kept. More requests at once get threads of their own, which end with them."""


def threads_kept(application: Application) -> Application:
    """The same ASGI application on threads that are used again, one request at a time each."""
    idle: list[ThreadPoolExecutor] = []

    async def served(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        thread = idle.pop() if idle else ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await application(scope, receive, send)
        finally:
            if len(idle) < THREADS_KEPT:
                idle.append(thread)
            else:
                thread.shutdown(wait=False)

    return served

"""Requests of these tests share the test's transaction."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections


@pytest.fixture(autouse=True)
def _requests_leave_the_connection_open() -> Iterator[None]:
    """A request ends by closing what is old, which on PostgreSQL would end the test's own transaction.

    Django's test client takes these receivers off by itself, but not for a streamed answer that is closed by hand,
    nor for a WSGI handler that is called directly.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)

"""People with a phone: an authenticator app, as the tests hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class Phone:
    """An authenticator app that knows one seed. `code()` gives a fresh code each time, as if 30 s had passed."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    def code(self) -> str:
        from django_otp.oath import totp

        return f"{totp(self.seed):06d}"


@pytest.fixture
def phone() -> Callable[..., Phone]:
    """Give a person an enrolled authenticator app: `phone(engineer).code()`."""
    from deployhub.accounts.models import TotpDevice
    from deployhub.audit.scope import system_scope

    def make(user: Any, *, seed: bytes = b"12345678901234567890", confirmed: bool = True) -> Phone:
        with system_scope("test phone"):
            device = TotpDevice(user=user, name="Phone", confirmed=confirmed)
            device.seed = seed
            device.save()
        return Phone(seed)

    return make


@pytest.fixture
def recovery_codes() -> Callable[..., list[str]]:
    from deployhub.accounts.services.second_factor import recovery_codes_write
    from deployhub.audit.scope import system_scope

    def make(user: Any) -> list[str]:
        with system_scope("test codes"):
            return recovery_codes_write(user=user)

    return make


@pytest.fixture
def signed_in() -> Callable[[Any], bool]:
    """Whether a test client holds a signed-in session, asked of the API."""

    def ask(client: Any) -> bool:
        return (
            client.session.get("_auth_user_id") is not None
            and client.get("/account/password/").status_code == 200
        )

    return ask


@pytest.fixture
def race() -> Callable[[int, Callable[[], bool]], list[bool]]:
    """Run something in many threads that start together: `race(20, attempt)` tells what each was told."""
    import threading
    import time

    from django.db import OperationalError, connection

    def run(count: int, attempt: Callable[[], bool]) -> list[bool]:
        gate, results = threading.Barrier(count), []

        def one() -> None:
            try:
                gate.wait()
                while True:
                    try:
                        results.append(bool(attempt()))
                        return
                    except OperationalError:  # the tests' SQLite in memory refuses where a file would wait
                        time.sleep(0.01)
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == count
        return results

    return run

"""People with a phone: an authenticator app, as the tests hold it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

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


class Authenticator:
    """A device that keeps passkeys, as the browser's script would use it: forms in, JSON out."""

    def __init__(self, *, origin: str = "http://localhost", counts: bool = True) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.origin, self.counts, self.count = origin, counts, 0
        self.user_handle = b""

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _about(self, *, verified: bool, attested: bytes = b"") -> bytes:
        self.count += self.counts
        flags = 0x01 | (0x04 if verified else 0) | (0x40 if attested else 0)
        site = hashlib.sha256(urlsplit(self.origin).hostname.encode()).digest()  # type: ignore[union-attr]
        return site + bytes([flags]) + self.count.to_bytes(4, "big") + attested

    def create(self, page: str) -> str:
        import cbor2

        options = options_on(page)
        self.user_handle = unb64(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = (
            bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)
        )
        about = self._about(verified=True, attested=attested)
        response = {
            "clientDataJSON": b64(self._client("webauthn.create", options["challenge"])),
            "attestationObject": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about})),
            "transports": ["internal"],
        }
        return self._said(response)

    def get(self, page: str, *, verified: bool = True) -> str:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        client = self._client("webauthn.get", options_on(page)["challenge"])
        about = self._about(verified=verified)
        signature = self.key.sign(about + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": b64(client),
            "authenticatorData": b64(about),
            "signature": b64(signature),
            "userHandle": b64(self.user_handle),
        }
        return self._said(response)

    def _said(self, response: dict[str, Any]) -> str:
        name = b64(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def options_on(page: str) -> Any:
    """What the page tells the browser of a passkey."""
    found = re.search(r'data-options="([^"]+)"', page)
    assert found, "the page asks for no passkey"
    return json.loads(html.unescape(found[1]))


@pytest.fixture
def authenticator() -> Callable[..., Authenticator]:
    return Authenticator


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

"""A log with a seal over it, a witness outside, and an attacker who has the whole database."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import event_record
from deployhub.audit.sealing.keys import public_bytes, signing_key
from deployhub.audit.selectors.findings import Verification
from deployhub.audit.selectors.verification import log_verify
from deployhub.audit.services.sealer import log_seal
from deployhub.kernel.actor import Actor, ActorKind, Door


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Path:
    """Keys and copies of this test alone."""
    settings.DEPLOYHUB_HOME = tmp_path / "home"
    settings.DEPLOYHUB_AUDIT_KEY = ""
    settings.DEPLOYHUB_AUDIT_WITNESS_FILE = str(tmp_path / "elsewhere" / "checkpoints.jsonl")
    return settings.DEPLOYHUB_HOME


@pytest.fixture
def happened(home: Path) -> Callable[..., list[int]]:
    """Write `count` events, in batches that are sealed one by one: `happened(10, batches=2)`. Returns their ids."""

    def write(count: int, *, batches: int = 1, sealed: bool = True) -> list[int]:
        before = set(AuditEvent.objects.values_list("id", flat=True))
        for number in range(count):
            name = ("Kim", "Robin", "Alex")[number % 3]
            actor = Actor(kind=ActorKind.USER, name=name, door=Door.BROWSER, address=f"192.0.2.{number % 7}")
            event_record(actor, "model.view", facts={"model": [None, number]}, reason="routine")
            if sealed and (number + 1) % max(count // batches, 1) == 0:
                log_seal()
        if sealed:
            log_seal()
        return sorted(set(AuditEvent.objects.values_list("id", flat=True)) - before)

    return write


@pytest.fixture
def verified(settings: Any) -> Callable[[], Verification]:
    def verify() -> Verification:
        key = public_bytes(signing_key(make=False).public_key()).hex()
        return log_verify(trusted_key=key, witness_file=Path(settings.DEPLOYHUB_AUDIT_WITNESS_FILE))

    return verify


class Attacker:
    """Everything that the database's owner can do, and nothing that needs a key."""

    def __init__(self) -> None:
        migration = importlib.import_module("deployhub.audit.migrations.0005_append_only_with_permits")
        self._migration = migration

    def __enter__(self) -> Attacker:
        with connection.schema_editor() as editor:
            self._migration.triggers_drop(None, editor)
        return self

    def __exit__(self, *args: object) -> None:
        with connection.schema_editor() as editor:
            self._migration.triggers_create(None, editor)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def attacker() -> Attacker:
    return Attacker()

"""A desk that looks at the audit log now and then is a witness of it."""

# Fixtures of another folder are imported by name, and taken as arguments.
# ruff: noqa: F811

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployhub.audit.models import AuditCheckpoint, AuditEvent, AuditKey
from deployhub.audit.services.keys import key_rotate
from deployhub.audit.services.sealer import log_seal
from deployhub.witness.command import proof_check
from tests.audit.conftest import attacker, happened, home  # noqa: F401
from tests.audit.test_attacks import backup, restore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(home: Path, happened: Any, auditor: Any, as_user: Any) -> Any:
    happened(12, batches=3)
    return as_user(auditor)


def test_a_desk_checks_that_the_log_extends_what_it_saw_before(desk: Any, happened: Any) -> None:
    first = desk("audit", "verify")
    assert (first.code, "taken on trust" in first.out) == (0, True)
    happened(9, batches=3)
    again = desk("audit", "verify", "--json")
    assert again.code == 0
    assert again.document["extends"] is not None
    assert again.document["size"] > again.document["extends"]


def test_promise_10_a_desk_that_saw_the_log_before_notices_a_restore(
    desk: Any,
    happened: Any,
    attacker: Any,
) -> None:
    older = backup()
    happened(9, batches=3)
    assert desk("audit", "verify").code == 0
    with attacker:
        restore(older)
    cut = desk("audit", "verify")
    assert cut.code == 1
    assert "does not hold" in cut.err
    happened(30, batches=10)
    forked = desk("audit", "verify")
    assert forked.code == 1
    assert "history was rewritten" in forked.err


def test_a_desk_follows_a_rotated_key_and_no_other(desk: Any, happened: Any, attacker: Any) -> None:
    assert desk("audit", "verify").code == 0
    log_seal()
    key_rotate(note="yearly")
    happened(3)
    assert desk("audit", "verify").code == 0
    key_rotate(note="yearly again")
    happened(3)
    with attacker:
        newest = AuditKey.objects.last()
        AuditKey.objects.filter(pk=newest.pk).update(previous_signature=newest.own_signature)
    assert desk("audit", "verify").code == 1


def test_a_desk_fetches_the_proof_of_an_event(desk: Any, tmp_path: Path) -> None:
    event = AuditEvent.objects.filter(action="model.view").earliest("id")
    file = tmp_path / "proof.json"
    done = desk("audit", "proof", str(event.pk), "--output", str(file))
    assert done.code == 0
    assert f"Event {event.pk} is number" in done.out
    assert proof_check(json.loads(file.read_text()))
    assert desk("audit", "proof").code == 2
    assert AuditCheckpoint.objects.exists()

"""A person can be taken out of the log, and old events can go, by this way alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from deployhub.audit.models import AuditEvent, AuditLeaf, AuditPermit
from deployhub.audit.scope import event_record, system_scope
from deployhub.audit.sealing.accounts import id_ranges, ranges_read, ranges_text
from deployhub.audit.sealing.form import code_of, sealed_bytes, sealed_form, storable
from deployhub.audit.selectors.rows import row_of
from deployhub.audit.services.erasure import events_erase, events_prune

pytestmark = pytest.mark.django_db


def code_fits(event: AuditEvent) -> bool:
    return event.mac == code_of(sealed_bytes(sealed_form(event)))


@pytest.fixture
def kim(person: Any) -> Any:
    return person("kim", email="kim@example.org")


def test_every_event_that_is_written_carries_a_code_that_its_row_still_has(kim: Any, acting: Any) -> None:
    event_record(
        acting(kim),
        "model.view",
        facts={"much": [1.0, 1e30], "little": [1e-9, 0.1], 7: [None, {"deep": (1, -0.0)}]},
    )
    for event in AuditEvent.objects.all():
        assert code_fits(event), event


def test_what_names_an_erased_person_is_gone_and_every_code_still_fits(
    kim: Any, administrator: Any, acting: Any
) -> None:
    event_record(acting(kim, address="192.0.2.7", user_agent="Kim's browser"), "model.view")
    event_record(acting(administrator), "user.view", kim)
    with system_scope("Kim has left and asks to be forgotten", action="audit.erase"):
        assert events_erase(AuditEvent.objects.all(), person_id=kim.pk) == 3
    rows = list(AuditEvent.objects.values())
    text = json.dumps(rows, default=str)
    for word in ("kim@example.org", "192.0.2.7", "Kim"):
        assert word not in text.replace("Kim has left", "")
    assert "Administrator" in text, "who looked at Kim is still told"
    assert all(code_fits(event) for event in AuditEvent.objects.all())
    assert not AuditPermit.objects.exists()
    account = AuditEvent.objects.get(object_type="audit_erasure")
    assert account.object_id.startswith(str(kim.pk))
    assert (
        len([n for first, last in ranges_read(account.changes["events"][1]) for n in range(first, last + 1)])
        == 3
    )


def test_only_sealed_events_are_pruned_and_never_the_accounts_of_it(kim: Any, acting: Any) -> None:
    for _ in range(3):
        event_record(acting(kim), "model.view")
    views = AuditEvent.objects.filter(action="model.view")
    first = views.earliest("id")
    AuditLeaf.objects.create(position=0, event_id=first.pk, digest=b"0" * 32, code=b"0" * 32)
    with system_scope("older than a year", action="audit.prune"):
        assert events_prune(views) == 1
        assert events_prune(AuditEvent.objects.all()) == 0
    assert views.count() == 2
    assert not views.filter(pk=first.pk).exists()
    assert AuditEvent.objects.get(object_type="audit_pruning").changes["events"] == [None, str(first.pk)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor_name = ''",
        "UPDATE audit_auditevent SET actor_name = '', address = '', user_agent = '', session_id = '', personal_salt = '', action = 'x'",
        "UPDATE audit_auditevent SET actor_name = 'Somebody else'",
        "UPDATE audit_auditevent SET mac = ''",
        "DELETE FROM audit_auditevent",
    ],
)
@pytest.mark.parametrize("permit", [None, "erase", "prune"])
def test_even_a_permit_lets_nothing_pass_but_what_it_is_for(
    kim: Any, statement: str, permit: str | None
) -> None:
    if permit:
        AuditPermit.objects.bulk_create(
            AuditPermit(event_id=e.pk, kind=permit) for e in AuditEvent.objects.all()
        )
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_exactly_the_ids_they_were_made_of(ids: set[int]) -> None:
    text = ranges_text(id_ranges(sorted(ids)))
    assert {n for first, last in ranges_read(text) for n in range(first, last + 1)} == ids


@given(st.floats())
def test_no_number_changes_its_spelling_in_a_database(number: float) -> None:
    kept = storable(number)
    assert isinstance(kept, str) or json.loads(json.dumps(kept)) == kept


def test_a_row_read_in_bulk_has_the_very_bytes_of_the_event_that_was_written(
    kim: Any, administrator: Any, acting: Any
) -> None:
    for words in ("plain", 'quote " and \\ and \n and \x7f', "ünïcödé 😀", "", "null"):
        event_record(
            acting(kim, address=words[:20], user_agent=words),
            "model.view",
            kim,
            reason=words,
            facts={words: [None, 1.5]},
        )
    for event in AuditEvent.objects.all():
        row = row_of(event.pk)
        assert row is not None
        assert row.sealed == sealed_bytes(sealed_form(event))
        assert row.personal_fault() == ""
        assert json.loads(row.leaf) == {"event": json.loads(row.sealed), "id": event.pk, "mac": event.mac}

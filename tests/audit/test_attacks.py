"""The attack suite: the attacker has the whole database, its triggers off, and no key. Each attack is caught and the
first bad event is named; on SQLite and, by `make test`, on PostgreSQL too."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployhub.audit.models import AuditCheckpoint, AuditEvent, AuditKey, AuditLeaf
from deployhub.audit.sealing.checkpoints import CHECKPOINT, SUCCESSION, body_digest, body_sign, body_text
from deployhub.audit.sealing.keys import key_id_of, public_bytes
from deployhub.audit.selectors.rows import row_of
from deployhub.audit.services.sealer import SealBrokenError, log_seal
from deployhub.audit.services.witnesses import checkpoints_deliver
from deployhub.witness.tree import Frontier, leaf_digest

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = ("audit_auditevent", "audit_auditleaf", "audit_auditsubtree", "audit_auditcheckpoint", "audit_auditkey",
          "audit_auditsealer", "audit_auditwitness")  # fmt: skip


def leaves_rewrite() -> None:
    """Make every leaf fit its event again: what an attacker does who knows how the seal is made."""
    for leaf in AuditLeaf.objects.all():
        row = row_of(leaf.event_id)
        if row is not None:
            AuditLeaf.objects.filter(pk=leaf.pk).update(digest=leaf_digest(row.leaf))


def checkpoints_rewrite(key: Ed25519PrivateKey | None) -> None:
    """Recompute every root, frontier and link; sign with a key of the attacker's own where there is one."""
    frontier, previous = Frontier(), None
    leaves = iter(AuditLeaf.objects.order_by("position"))
    for row in AuditCheckpoint.objects.order_by("sequence"):
        while frontier.size < row.size and (leaf := next(leaves, None)) is not None:
            list(frontier.append(bytes(leaf.digest)))
        body = {
            **json.loads(row.body),
            "root": frontier.root().hex(),
            "previous": previous,
            "size": frontier.size,
        }
        if key is not None:
            body["key"] = key_id_of(public_bytes(key.public_key()))
        text = body_text(body)
        AuditCheckpoint.objects.filter(pk=row.pk).update(
            body=text, root=body["root"], key_id=body["key"], size=frontier.size,
            signature=body_sign(key, CHECKPOINT, text) if key else row.signature,
            frontier=[digest.hex() for digest in frontier.digests],
        )  # fmt: skip
        previous = body_digest(text)


def backup() -> dict[str, tuple[list[str], list[Any]]]:
    kept = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table}")
            kept[table] = ([column[0] for column in cursor.description], cursor.fetchall())
    return kept


def restore(kept: dict[str, tuple[list[str], list[Any]]]) -> None:
    with connection.cursor() as cursor:
        for table, (names, rows) in kept.items():
            cursor.execute(f"DELETE FROM {table}")
            if rows:
                marks = ", ".join(["%s"] * len(names))
                cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


def test_an_untouched_log_holds(happened: Any, verified: Any) -> None:
    happened(40, batches=4)
    checkpoints_deliver()
    found = verified()
    assert found.holds, found.findings
    assert (found.events, found.unsealed, found.warnings) == (41, 0, [])  # with the key's own event


@pytest.mark.parametrize("thorough", [False, True], ids=["the row alone", "the leaves too"])
@pytest.mark.parametrize(
    "change",
    [
        "actor_name = 'Robin'", "reason = 'nothing to see'", "outcome = 'denied'", "action = 'model.viev'",
        "actor_id = '00000000000000000000000000000001'", "object_label = 'x'", "address = '203.0.113.9'",
        "personal_digest = 'aa'", "mac = ''", "schema_version = 1", "changes = '{\"model\": [null, 4711]}'",
    ],
)  # fmt: skip
def test_promise_09_an_edited_row_is_named(
    change: str, thorough: bool, happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    with attacker:
        attacker.sql(f"UPDATE audit_auditevent SET {change} WHERE id = %s", ids[15])
        if thorough:
            leaves_rewrite()
    found = verified()
    assert not found.holds
    assert found.first.event_id == ids[15], found.findings


def test_promise_09_a_deleted_row_is_named(happened: Any, verified: Any, attacker: Any) -> None:
    ids = happened(30, batches=3)
    with attacker:
        attacker.sql("DELETE FROM audit_auditevent WHERE id = %s", ids[7])
    assert verified().first.event_id == ids[7]


def test_promise_09_a_row_deleted_with_its_leaf_is_located(
    happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    with attacker:
        attacker.sql("DELETE FROM audit_auditevent WHERE id = %s", ids[7])
        attacker.sql("DELETE FROM audit_auditleaf WHERE event_id = %s", ids[7])
        attacker.sql("UPDATE audit_auditleaf SET position = position - 1 WHERE position > 7")
    found = verified()
    assert not found.holds
    assert found.first.event_id == ids[8], "the first leaf that no longer stands in its place"


def test_promise_10_a_deleted_tail_is_caught_by_the_copies_outside(
    happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    log_seal()
    checkpoints_deliver()
    with attacker:
        keep = AuditCheckpoint.objects.get(sequence=1)
        for table, column, bound in (
            ("audit_auditevent", "id", keep.last_event_id),
            ("audit_auditleaf", "position", keep.size - 1),
            ("audit_auditcheckpoint", "sequence", 1),
        ):
            attacker.sql(f"DELETE FROM {table} WHERE {column} > %s", bound)
        attacker.sql("UPDATE audit_auditwitness SET delivered_sequence = 1")
    found = verified()
    assert found.first.event_id == keep.last_event_id + 1
    assert keep.last_event_id + 1 in ids
    assert "older database" in found.first.text


def test_promise_10_a_tail_deleted_without_its_checkpoints_is_caught_from_within(
    happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    with attacker:
        attacker.sql("DELETE FROM audit_auditevent WHERE id > %s", ids[24])
        attacker.sql("DELETE FROM audit_auditleaf WHERE event_id > %s", ids[24])
    assert verified().first.event_id == ids[24] + 1


@pytest.mark.parametrize("sealed", [False, True], ids=["before the sealer came by", "sealed meanwhile"])
def test_promise_09_a_row_inserted_in_the_past_is_named(
    sealed: bool, happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    with attacker:
        attacker.sql("DELETE FROM audit_auditevent WHERE id = %s", ids[0])  # make a gap to insert into
        names = ", ".join(f.column for f in AuditEvent._meta.concrete_fields if f.column != "id")
        attacker.sql(
            f"INSERT INTO audit_auditevent (id, {names}) SELECT {ids[-1] + 500}, {names} FROM audit_auditevent WHERE id = %s",
            ids[12],
        )
        attacker.sql("UPDATE audit_auditevent SET action = 'planted' WHERE id = %s", ids[-1] + 500)
    if sealed:
        log_seal()
    assert ids[-1] + 500 in {finding.event_id for finding in verified().findings}


def test_promise_09_a_row_inserted_with_leaf_and_codes_is_named(
    happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    with attacker:
        names = ", ".join(f.column for f in AuditEvent._meta.concrete_fields if f.column != "id")
        attacker.sql(
            f"INSERT INTO audit_auditevent (id, {names}) SELECT 0, {names} FROM audit_auditevent WHERE id = %s",
            ids[3],
        )
        attacker.sql("UPDATE audit_auditleaf SET position = position + 1000 WHERE position >= 3")
        attacker.sql("UPDATE audit_auditleaf SET position = position - 999 WHERE position >= 1000")
        AuditLeaf.objects.create(position=3, event_id=0, digest=b"", code=b"")
        leaves_rewrite()
    assert verified().first.event_id == 0


def test_promise_09_reordered_rows_are_named(happened: Any, verified: Any, attacker: Any) -> None:
    ids = happened(30, batches=3)
    for thorough in (False, True):
        with attacker:
            for old, new in ((ids[4], -1), (ids[5], ids[4]), (-1, ids[5])):
                attacker.sql("UPDATE audit_auditevent SET id = %s WHERE id = %s", new, old)
            if thorough:
                for old, new in ((ids[4], -1), (ids[5], ids[4]), (-1, ids[5])):
                    attacker.sql("UPDATE audit_auditevent SET id = %s WHERE id = %s", new, old)
                attacker.sql("UPDATE audit_auditleaf SET position = 1000 - position WHERE position IN (4, 5)")
                attacker.sql("UPDATE audit_auditleaf SET position = position - 991 WHERE position > 900")
        assert verified().first.event_id in (ids[4], ids[5])


def test_promise_09_two_swapped_actors_are_named(happened: Any, verified: Any, attacker: Any) -> None:
    ids = happened(30, batches=3)
    columns = ("actor_name", "address", "user_agent", "session_id", "personal_salt", "personal_digest")
    with attacker:
        one, two = (AuditEvent.objects.values(*columns).get(pk=pk) for pk in (ids[4], ids[17]))
        AuditEvent.objects.filter(pk=ids[4]).update(**two)
        AuditEvent.objects.filter(pk=ids[17]).update(**one)
        leaves_rewrite()
    found = verified()
    assert found.first.event_id == ids[4]
    assert {ids[4], ids[17]} <= {finding.event_id for finding in found.findings}


@pytest.mark.parametrize(
    "own_key", [False, True], ids=["without any key", "with a key of the attacker's own"]
)
def test_promise_09_recomputing_every_digest_without_the_key_does_not_help(
    own_key: bool, happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    key = Ed25519PrivateKey.generate() if own_key else None
    with attacker:
        attacker.sql("UPDATE audit_auditevent SET reason = 'innocent' WHERE id = %s", ids[11])
        leaves_rewrite()
        checkpoints_rewrite(key)
        if key is not None:
            row = AuditKey.objects.get()
            public = public_bytes(key.public_key())
            text = body_text({**json.loads(row.body), "key": key_id_of(public), "public_key": public.hex()})
            AuditKey.objects.update(
                key_id=key_id_of(public), public_key=public.hex(), body=text, own_signature=body_sign(key, SUCCESSION, text)
            )  # fmt: skip
    found = verified()
    assert not found.holds
    assert ids[11] in {finding.event_id for finding in found.findings}
    assert any("signature does not hold" in f.text or "nobody vouches" in f.text for f in found.findings)


@pytest.mark.parametrize("whole", [True, False], ids=["all of it rewritten", "the sealer's own note alone"])
def test_promise_09_the_sealer_signs_nothing_over_a_rewritten_tree(
    whole: bool, happened: Any, attacker: Any
) -> None:
    happened(30, batches=3)
    with attacker:
        if whole:
            leaves_rewrite()
            checkpoints_rewrite(None)
        newest = AuditCheckpoint.objects.first()
        AuditCheckpoint.objects.filter(pk=newest.pk).update(frontier=["00" * 32] * len(newest.frontier))
    happened(1, sealed=False)
    with pytest.raises(SealBrokenError):
        log_seal()


@pytest.mark.parametrize("goes_on", [False, True], ids=["at once", "after the log went on"])
def test_promise_10_an_older_backup_is_caught_by_the_copies_outside(
    goes_on: bool, happened: Any, verified: Any, attacker: Any
) -> None:
    happened(20, batches=2)
    checkpoints_deliver()
    older = backup()
    known = AuditCheckpoint.objects.first()
    happened(10)
    checkpoints_deliver()
    with attacker:
        restore(older)
    if goes_on:
        happened(25)
        checkpoints_deliver()
    found = verified()
    assert not found.holds
    assert found.first.event_id is not None
    assert found.first.event_id > known.last_event_id - 1
    assert "copy outside" in found.first.text


@pytest.mark.parametrize("how", ["removed", "cut", "forged", "of another log"])
def test_promise_10_a_replaced_checkpoint_file_is_noticed(
    how: str, happened: Any, verified: Any, settings: Any
) -> None:
    happened(30, batches=3)
    checkpoints_deliver()
    path = Path(settings.DEPLOYHUB_AUDIT_WITNESS_FILE)
    lines = path.read_text().splitlines(keepends=True)
    assert len(lines) == 3
    if how == "removed":
        path.unlink()
    elif how == "cut":
        path.write_text(lines[0])
    elif how == "forged":
        path.write_text("".join(lines[:2]) + lines[2].replace('"size":', '"size":1'))
    else:
        signed = json.loads(lines[2])
        key = Ed25519PrivateKey.generate()
        signed["checkpoint"]["key"] = key_id_of(public_bytes(key.public_key()))
        signed["signature"] = body_sign(key, CHECKPOINT, body_text(signed["checkpoint"]))
        path.write_text("".join(lines[:2]) + json.dumps(signed) + "\n")
    found = verified()
    assert not found.holds
    assert (
        "copies outside" in found.first.text or "no checkpoint that the log's key signed" in found.first.text
    )


@pytest.mark.parametrize("table", ["audit_auditcheckpoint", "audit_auditleaf", "audit_auditkey"])
def test_promise_09_a_seal_that_is_gone_does_not_pass_for_a_log_that_holds(
    table: str, happened: Any, verified: Any, attacker: Any
) -> None:
    happened(30, batches=3)
    with attacker:
        attacker.sql(f"DELETE FROM {table}")
    assert not verified().holds


def test_an_erasure_behind_the_back_of_the_use_case_is_named(
    happened: Any, verified: Any, attacker: Any
) -> None:
    ids = happened(30, batches=3)
    with attacker:
        attacker.sql(
            "UPDATE audit_auditevent SET actor_name = '', address = '', user_agent = '', session_id = '', personal_salt = '' "
            "WHERE id = %s",
            ids[9],
        )
    assert verified().first.event_id == ids[9]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    choice=st.integers(0, 10**6),
    column=st.sampled_from([f.column for f in AuditEvent._meta.concrete_fields]),
    leaves=st.booleans(),
)
def test_promise_09_whatever_is_changed_at_random_is_found_and_named(
    choice: int, column: str, leaves: bool, happened: Any, verified: Any, attacker: Any
) -> None:
    """As the database's owner, any column of any sealed row."""
    if not AuditLeaf.objects.exists():
        happened(60, batches=3)
    event = AuditEvent.objects.filter(pk__in=AuditLeaf.objects.values("event_id")).order_by("id")[choice % 60]
    field = AuditEvent._meta.get_field(column)
    kept = backup()
    kinds = {"UUIDField": hashlib.md5(str(choice).encode()).hexdigest(), "JSONField": '{"x": [null, 1]}',
             "DateTimeField": "2020-01-02 03:04:05", "BigAutoField": 10**9 + choice, "PositiveSmallIntegerField": 9}  # fmt: skip
    value = kinds.get(field.get_internal_type(), "tampered"[: getattr(field, "max_length", None) or 8])
    with attacker:
        attacker.sql(f"UPDATE audit_auditevent SET {column} = %s WHERE id = %s", value, event.pk)
        if leaves and column != "id":
            leaves_rewrite()
        found = verified()
        restore(kept)
    assert not found.holds
    assert event.pk in {finding.event_id for finding in found.findings}
    assert found.first.event_id == event.pk

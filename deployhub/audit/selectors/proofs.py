"""Proofs that an outsider can check with `deployhub-audit-verify`, and the state of the seal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.db import connection

from deployhub.audit.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditKey,
    AuditLeaf,
    AuditSealer,
    AuditSubtree,
    AuditWitness,
)
from deployhub.audit.selectors.rows import row_of
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, NotFound
from deployhub.kernel.units import duration_text
from deployhub.witness.tree import STORED_LEVELS, consistency_path, fold, inclusion_path

UNSEALED_ALARM = timedelta(seconds=60)


class NotSealedYet(Conflict):
    """The event is so young that no checkpoint covers it."""

    code = "not_sealed_yet"
    title = "Not sealed yet"


def subtree_digest(level: int, position: int) -> bytes:
    """The root of a complete subtree, from the nearest kept level below it: at most 128 digests are read."""
    kept = level - level % STORED_LEVELS
    first, last = position << (level - kept), (position + 1) << (level - kept)
    rows: Any
    if kept == 0:
        rows = AuditLeaf.objects.filter(position__gte=first, position__lt=last).order_by("position")
    else:
        rows = AuditSubtree.objects.filter(level=kept, position__gte=first, position__lt=last).order_by(
            "position"
        )
    digests = [bytes(digest) for digest in rows.values_list("digest", flat=True)]
    if len(digests) != last - first:
        raise Conflict(
            "The tree of the audit log is incomplete, so nothing can be proven.",
            hint="Run: manage.py audit_verify",
            code="seal_broken",
        )
    return fold(digests)


def checkpoints_all() -> Any:
    """Signed checkpoints, newest first."""
    return AuditCheckpoint.objects.all()


def checkpoint_latest() -> AuditCheckpoint | None:
    return AuditCheckpoint.objects.first()


def checkpoint_signed(checkpoint: AuditCheckpoint) -> dict[str, Any]:
    """A checkpoint as witnesses keep it: what was signed, the signature, and the key's public half."""
    key = AuditKey.objects.filter(key_id=checkpoint.key_id).first()
    return {
        "checkpoint": json.loads(checkpoint.body),
        "signature": checkpoint.signature,
        "public_key": key.public_key if key else "",
    }


def inclusion_proof(event: AuditEvent) -> dict[str, Any]:
    """What shows a third party that this event is in the signed log. Raises NotSealedYet.

    `personal` opens the salted digests; it is missing for what was erased, and may be left out before handing on.
    """
    leaf = AuditLeaf.objects.filter(event_id=event.pk).first()
    checkpoint = checkpoint_latest()
    if leaf is None or checkpoint is None or leaf.position >= checkpoint.size:
        raise NotSealedYet(
            "This event is not sealed yet.", hint="It will be within a few seconds: try again."
        )
    row = row_of(event.pk)
    if row is None:
        raise NotFound("There is no such event.")
    personal: dict[str, Any] = {}
    if row.actor_salt:
        personal["actor"] = {"salt": row.actor_salt, "fields": row.actor_part}
    if row.subject_salt:
        personal["subject"] = {"salt": row.subject_salt, "fields": row.subject_part}
    path = inclusion_path(leaf.position, checkpoint.size, subtree_digest)
    return {
        "index": leaf.position,
        "leaf": json.loads(row.leaf),
        "path": [digest.hex() for digest in path],
        "personal": personal,
        "signed": checkpoint_signed(checkpoint),
    }


def consistency_proof(first: AuditCheckpoint, second: AuditCheckpoint) -> dict[str, Any]:
    """What shows that the log of `second` begins with that of `first`."""
    if first.size > second.size:
        first, second = second, first
    path = consistency_path(first.size, second.size, subtree_digest)
    return {
        "first": checkpoint_signed(first),
        "second": checkpoint_signed(second),
        "path": [digest.hex() for digest in path],
    }


def keys_all() -> list[dict[str, Any]]:
    """Every signing key that the log has had, oldest first, with its statement of succession."""
    return [
        {
            "key_id": key.key_id,
            "public_key": key.public_key,
            "statement": json.loads(key.body),
            "own_signature": key.own_signature,
            "previous_signature": key.previous_signature,
            "endorsed": key.ordinal == 0 or bool(key.previous_signature),
            "created_at": key.created_at,
        }
        for key in AuditKey.objects.all()
    ]


def unsealed() -> tuple[int, timedelta]:
    """How many committed events have no leaf yet, and the age of the oldest; counted behind the low-water mark."""
    state = AuditSealer.objects.filter(pk=1).first()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), min(e.id) FROM audit_auditevent e WHERE e.id > %s"
            " AND NOT EXISTS (SELECT 1 FROM audit_auditleaf l WHERE l.event_id = e.id)",
            [state.low_water_id if state else 0],
        )
        count, first_id = cursor.fetchone()
    if not count:
        return 0, timedelta(0)
    oldest = AuditEvent.objects.filter(pk=first_id).values_list("at", flat=True).first()
    return count, max(utc_now() - oldest, timedelta(0)) if oldest else timedelta(0)


def seal_state() -> AuditSealer | None:
    return AuditSealer.objects.filter(pk=1).first()


def seal_faults() -> list[str]:
    """What is wrong with the seal's making, in plain sentences; empty when all is well."""
    state, now = seal_state(), utc_now()
    if state is None or state.ran_at is None:
        return ["The sealer never ran: start a worker"] if not (state and state.problem) else [state.problem]
    found = []
    if state.problem:
        found.append(state.problem)
    elif now - state.ran_at > UNSEALED_ALARM:
        found.append(
            f"The sealer last ran {duration_text((now - state.ran_at).total_seconds())} ago: look at the workers"
        )
    count, age = unsealed()
    if age > UNSEALED_ALARM:
        found.append(f"{count} events wait to be sealed, the oldest for {duration_text(age.total_seconds())}")
    for witness in witnesses():
        if witness.failures:
            found.append(f"Copies do not reach {witness.name} ({witness.problem})")
    return found


def witnesses() -> list[AuditWitness]:
    """Where copies of checkpoints go, as far as anything was tried there."""
    return list(AuditWitness.objects.all())

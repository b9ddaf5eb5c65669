"""The sealer: committed events become leaves of the tree, and a signed checkpoint says how far.

It goes on from the frontier of the last checkpoint, which it believes only if it signed it: a tree that was rewritten
beneath it is never signed.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from hmac import compare_digest
from uuid import uuid4

from django.db import IntegrityError, connection, transaction

from deployhub.audit.models import AuditCheckpoint, AuditKey, AuditSealer, AuditSubtree
from deployhub.audit.sealing.checkpoints import (
    CHECKPOINT,
    body_digest,
    body_sign,
    body_text,
    leaf_code,
    signature_holds,
)
from deployhub.audit.sealing.form import code_of
from deployhub.audit.sealing.keys import SigningKeyError, mac_key, mac_keys
from deployhub.audit.selectors.rows import SealedRow, rows_unsealed
from deployhub.audit.services.keys import key_use
from deployhub.kernel.clock import utc_now
from deployhub.witness.tree import Frontier, leaf_digest

log = logging.getLogger(__name__)

BATCH_EVENTS = 4_000
SETTLED_AFTER = timedelta(minutes=10)
"""An id that was given out this long ago is no longer expected to be committed; the deep search finds it even so."""
MARK_EVERY = timedelta(seconds=10)
DEEP_EVERY = timedelta(hours=1)


class SealBrokenError(Exception):
    """The last checkpoint was changed beneath the sealer, which therefore signs nothing more."""


def log_seal(*, batch: int = BATCH_EVENTS) -> int:
    """Seal what is committed and unsealed; returns how many events. Of two sealers at once, one does it.

    Raises SigningKeyError where this host cannot sign, SealBrokenError where the seal was tampered with.
    """
    state = AuditSealer.objects.get_or_create(pk=1)[0]
    deep = state.searched_deep_at is None or utc_now() - state.searched_deep_at > DEEP_EVERY
    after_id, sealed = 0 if deep else state.low_water_id, 0
    while True:
        # Looked for outside the transaction: nothing to do must cost no lock.
        if not rows_unsealed(after_id=after_id, limit=1):
            break
        count = _batch_seal(after_id, batch)
        sealed += count
        if count < batch:
            break
    now = utc_now()
    if not sealed and not deep and not state.problem and state.ran_at and now - state.ran_at < MARK_EVERY:
        return 0
    settled = (
        AuditCheckpoint.objects.filter(at__lt=now - SETTLED_AFTER)
        .values_list("last_event_id", flat=True)
        .first()
    )
    AuditSealer.objects.filter(pk=1).update(
        ran_at=now,
        problem="",
        low_water_id=max(settled or 0, state.low_water_id),
        searched_deep_at=now if deep else state.searched_deep_at,
    )
    return sealed


def _batch_seal(after_id: int, batch: int) -> int:
    with transaction.atomic():
        # The row's lock is the lease: it ends with the transaction, and with the process that holds it.
        if not AuditSealer.objects.select_for_update(skip_locked=True).filter(pk=1).exists():
            return 0
        rows = rows_unsealed(after_id=after_id, limit=batch)
        if not rows:
            return 0
        key, key_id = key_use()
        last = AuditCheckpoint.objects.first()
        frontier = _frontier_of(last)
        _strangers_report(rows)
        try:
            with transaction.atomic():
                _leaves_write(frontier, rows)
        except IntegrityError as error:
            raise SealBrokenError("The tree holds leaves that no checkpoint signs.") from error
        now = utc_now()
        top_id = max(rows[-1].id, last.last_event_id if last else 0)
        text = body_text(
            {
                "key": key_id,
                "last_event_id": top_id,
                "log": json.loads(last.body)["log"] if last else str(uuid4()),
                "previous": body_digest(last.body) if last else None,
                "root": frontier.root().hex(),
                "sequence": last.sequence + 1 if last else 0,
                "size": frontier.size,
                "time": now.isoformat(timespec="milliseconds"),
                "version": 1,
            }
        )
        AuditCheckpoint.objects.create(
            sequence=last.sequence + 1 if last else 0,
            size=frontier.size,
            root=frontier.root().hex(),
            at=now,
            last_event_id=top_id,
            key_id=key_id,
            body=text,
            signature=body_sign(key, CHECKPOINT, text),
            frontier=[digest.hex() for digest in frontier.digests],
        )
        return len(rows)


def _frontier_of(last: AuditCheckpoint | None) -> Frontier:
    """Where the tree stands, as the last checkpoint signs it."""
    if last is None:
        return Frontier()
    signer = AuditKey.objects.filter(key_id=last.key_id).first()
    body = json.loads(last.body)
    if signer is None or not signature_holds(signer.public_key, CHECKPOINT, last.body, last.signature):
        raise SealBrokenError(f"The signature of checkpoint {last.sequence} does not hold.")
    try:
        frontier = Frontier(body["size"], [bytes.fromhex(digest) for digest in last.frontier])
    except ValueError as error:
        raise SealBrokenError(f"The tree at checkpoint {last.sequence} does not fit its size.") from error
    if frontier.root().hex() != body["root"] or body["sequence"] != last.sequence:
        raise SealBrokenError(f"The tree at checkpoint {last.sequence} is not the one that was signed.")
    return frontier


def _strangers_report(rows: list[SealedRow]) -> None:
    """Tell of events that were not written by DeployHub. They are sealed all the same: as evidence they must stay."""
    known = mac_keys()
    for row in rows:
        key_id = row.mac.partition(".")[0]
        secret = known.get(key_id)
        if secret is None or not compare_digest(code_of(row.sealed, key=(key_id, secret)), row.mac):
            log.critical(
                "Event %s was not written by DeployHub: its code does not fit. Run: manage.py audit_verify",
                row.id,
            )


def _leaves_write(frontier: Frontier, rows: list[SealedRow]) -> None:
    _, secret = mac_key()
    leaves, subtrees = [], []
    for row in rows:
        digest, position = leaf_digest(row.leaf), frontier.size
        leaves.append((position, row.id, digest, leaf_code(secret, position, row.id, digest)))
        subtrees += [
            AuditSubtree(level=level, position=at, digest=root) for level, at, root in frontier.append(digest)
        ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO audit_auditleaf (position, event_id, digest, code) VALUES (%s, %s, %s, %s)", leaves
        )
    AuditSubtree.objects.bulk_create(subtrees)


def seal_duty() -> int:
    """One turn of the periodic duty: seal, and keep on the sealer's row what hindered it."""
    try:
        return log_seal()
    except (SigningKeyError, SealBrokenError) as error:
        log.error("The audit log is not sealed: %s", error)
        AuditSealer.objects.filter(pk=1).update(problem=str(error)[:300])
        return 0

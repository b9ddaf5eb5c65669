"""The full verification: every row against its code and its leaf, the leaves against every signed checkpoint, the
checkpoints against each other, their signatures, and all of it against the copies outside.

The trust begins outside the database: with the signing key on this host, or a public key that is given. Keys of the
past are believed on the word of their successors.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from deployhub.audit.models import AuditCheckpoint, AuditEvent, AuditKey, AuditLeaf, AuditWitness
from deployhub.audit.sealing.accounts import ranges_read
from deployhub.audit.sealing.checkpoints import (
    CHECKPOINT,
    SUCCESSION,
    body_digest,
    leaf_code_fits,
    signature_holds,
)
from deployhub.audit.sealing.keys import mac_keys
from deployhub.audit.selectors.findings import FINDINGS_KEPT, Finding, Ids, Verification
from deployhub.audit.selectors.proofs import UNSEALED_ALARM
from deployhub.audit.selectors.rows import SealedRow, leaves_with_rows, rows_unsealed, sealed_row
from deployhub.audit.vocab import ERASURE, PRUNING
from deployhub.kernel.clock import utc_now
from deployhub.witness.tree import Frontier

_LEAF = 3  # the first columns of leaves_with_rows: position, event id, digest


_BODY = {"key", "last_event_id", "log", "previous", "root", "sequence", "size"}


def body_read(text: str) -> dict[str, Any]:
    """A signed body as it stands; empty when it is no such thing (any more)."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) and ("public_key" in body or body.keys() >= _BODY) else {}


class _Verifier:
    def __init__(self, trusted_key: str, witness_file: Path | None) -> None:
        self.result = Verification()
        self.trusted_key = trusted_key
        self.witness_file = witness_file
        self.keys: dict[str, str] = {}
        self.macs = mac_keys()
        self.roots: dict[int, bytes] = {}
        self.copies: list[tuple[int, dict[str, Any]]] = []
        self.last_ids: dict[int, int] = {0: 0}
        self.erased, self.gone = Ids(), Ids()
        self.may_be_erased, self.may_be_gone = Ids(), Ids()

    def find(self, order: int, event_id: int | None, text: str) -> None:
        self.result.finding_count += 1
        if len(self.result.findings) < FINDINGS_KEPT:
            self.result.findings.append(Finding(order, event_id, text))

    # Keys

    def keys_check(self) -> None:
        rows = list(AuditKey.objects.order_by("-ordinal"))
        public_of = {row.key_id: row.public_key for row in rows}
        trusted = sha256(bytes.fromhex(self.trusted_key)).hexdigest()[:16]
        self.keys = {trusted: self.trusted_key}
        if rows and rows[0].key_id != trusted:
            self.find(
                0,
                None,
                f"The newest key in the database is {rows[0].key_id}, the one that is trusted is {trusted}",
            )
        if not rows and AuditCheckpoint.objects.exists():
            self.find(0, None, "The history of signing keys is gone")
        for row in rows:
            body = body_read(row.body)
            if row.key_id not in self.keys:
                self.find(0, None, f"No trusted key vouches for key {row.key_id}")
                continue
            public = self.keys[row.key_id]
            if body.get("key") != row.key_id or not signature_holds(
                public, SUCCESSION, row.body, row.own_signature
            ):
                self.find(0, None, f"The statement of key {row.key_id} is not the one that it signed")
                continue
            earlier = body.get("previous")
            if earlier is None:
                continue
            if (
                earlier not in public_of
                or sha256(bytes.fromhex(public_of[earlier])).hexdigest()[:16] != earlier
            ):
                self.find(0, None, f"Key {earlier}, which came before {row.key_id}, is gone or was changed")
                continue
            self.keys[earlier] = public_of[earlier]
            if not row.previous_signature:
                self.result.warnings.append(
                    f"Succession without signature: key {row.key_id} follows {earlier} at event number {body['size']} "
                    f"without its word ({body['note'] or 'no reason told'}). What came before it is anchored by the "
                    "copies outside alone"
                )
            elif not signature_holds(public_of[earlier], SUCCESSION, row.body, row.previous_signature):
                self.find(0, None, f"Key {earlier} did not sign that {row.key_id} succeeds it")
            if body["size"]:
                self.copies.append((0, {"size": body["size"], "root": body["root"], "key": row.key_id}))

    # Copies outside

    def copies_read(self) -> None:
        path = self.witness_file
        if path is None:
            return
        told = AuditWitness.objects.filter(name=f"file:{path}").first()
        delivered, highest, number = told.delivered_sequence if told else -1, -1, 0
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        highest = max(highest, self._copy_read(path, number, line))
        except FileNotFoundError:
            if delivered >= 0:
                self.find(0, None, f"The copies outside are gone: {path} does not exist")
            else:
                self.result.warnings.append(f"There are no copies outside yet: {path} does not exist")
            return
        self.result.copies = number
        if highest < delivered:
            self.find(
                0,
                None,
                f"The copies outside were cut: {path} ends at checkpoint {highest}, {delivered} was written there",
            )

    def _copy_read(self, path: Path, number: int, line: bytes) -> int:
        try:
            signed = json.loads(line)
            body, signature = signed["checkpoint"], signed["signature"]
            text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            known = self.keys.get(body["key"])
            if known is None or not signature_holds(known, CHECKPOINT, text, signature):
                raise ValueError("not signed")
        except (ValueError, KeyError, TypeError):
            self.find(0, None, f"Line {number} of {path} is no checkpoint that the log's key signed")
            return -1
        self.copies.append((number, body))
        return int(body["sequence"])

    def copies_compare(self, size: int) -> None:
        good = 0
        for number, body in sorted(self.copies, key=lambda copy: copy[1]["size"]):
            if body["size"] > size:
                after = self.last_ids.get(size) or self._last_id_below(size)
                self.find(
                    size, after + 1,
                    f"The log ends at event {after}, but a copy outside (line {number}) knows {body['size'] - size} more, "
                    f"up to event {body.get('last_event_id', '?')}: the end was cut off, or an older database was restored",
                )  # fmt: skip
                return
            if self.roots[body["size"]].hex() != body["root"]:
                self._between(
                    good, body["size"],
                    f"The log up to event number {body['size']} is not the one that "
                    + (f"a copy outside (line {number}) knows" if number else f"key {body['key']} took over"),
                )  # fmt: skip
                return
            good = body["size"]

    def _last_id_below(self, size: int) -> int:
        return (
            AuditLeaf.objects.filter(position__lt=size)
            .order_by("-event_id")
            .values_list("event_id", flat=True)
            .first()
            or 0
        )

    # The log itself

    def row_check(self, position: int, event_id: int, digest: bytes, row: SealedRow) -> bool:
        """One event against its leaf and its code. The order of the looks is that of how much they tell."""
        key_id, _, code = row.mac.partition(".")
        secret = self.macs.get(key_id)
        if secret is None or hmac.digest(secret, row.sealed, "sha256").hex() != code:
            if sha256(b"\x00" + row.leaf).digest() != digest:
                why = "it was changed after it was sealed"
            elif secret is None:
                why = f"its code was made with a key ({key_id[:12] or 'none'}) that is not known here"
            else:
                why = "its code does not fit, so DeployHub did not write it"
            self.find(position, event_id, f"Event {event_id}: {why}")
            return False
        if sha256(b"\x00" + row.leaf).digest() != digest:
            self.find(
                position,
                event_id,
                f"Event {event_id}: it does not stand where it was sealed, or its id was changed",
            )
            return False
        if fault := row.personal_fault():
            self.find(position, event_id, f"Event {event_id}: {fault} was changed after it was sealed")
            return False
        return True

    def log_walk(self) -> int:
        frontier = Frontier()
        wanted = {body["size"] for _, body in self.copies}
        checkpoints = self._checkpoints()
        pending = next(checkpoints, None)
        good, broken = 0, False
        for batch in leaves_with_rows():
            for raw in batch:
                position, event_id, digest = raw[0], raw[1], bytes(raw[2])
                if position != frontier.size and not broken:
                    self.find(
                        frontier.size,
                        None,
                        f"The leaf at place {frontier.size} is gone; the next is event {event_id}'s",
                    )
                    self._between(frontier.size, position, "A leaf was removed")
                    broken = True
                if raw[_LEAF] is None:
                    self.gone.add(event_id, event_id)
                    self.result.pruned += 1
                else:
                    row = sealed_row(raw[_LEAF:])
                    self.result.events += 1
                    if self.row_check(position, event_id, digest, row):
                        self._note(row, event_id)
                for _ in frontier.append(digest):
                    pass
                size = frontier.size
                if size in wanted:
                    self.roots[size] = frontier.root()
                while pending is not None and pending["size"] <= size:
                    self.last_ids[size] = pending["last_event_id"]
                    if pending["size"] == size and frontier.root().hex() != pending["root"] and not broken:
                        self._between(
                            good,
                            size,
                            f"The events are not those that checkpoint {pending['sequence']} signs",
                        )
                        broken = True
                    good, pending = size, next(checkpoints, None)
        size = frontier.size
        if pending is not None:
            after = self._last_id_below(size)
            self.find(
                size,
                after + 1,
                f"The log ends at event {after}, but checkpoint {pending['sequence']} signs {pending['size'] - size} more",
            )
            for _ in checkpoints:
                pass
        elif good < size and not broken:
            self._between(good, size, "There are leaves that no checkpoint signs")
        return size

    def _note(self, row: SealedRow, event_id: int) -> None:
        if row.erased:
            self.erased.add(event_id, event_id)
            self.result.erased += 1
        kind = row.column("object_type")
        if kind in (ERASURE, PRUNING):
            target = self.may_be_erased if kind == ERASURE else self.may_be_gone
            for first, last in ranges_read(str(row.changes.get("events", [None, ""])[1])):
                target.ranges.append((first, last))

    def _checkpoints(self) -> Iterator[dict[str, Any]]:
        """Bodies of checkpoints in order, each looked at by itself and against the one before."""
        previous: AuditCheckpoint | None = None
        for row in AuditCheckpoint.objects.order_by("sequence").defer("frontier").iterator(chunk_size=2_000):
            self.result.checkpoints += 1
            body = body_read(row.body)
            before = previous.size if previous else 0
            fault = self._checkpoint_fault(row, body, previous) if body else "what it signed cannot be read"
            if fault:
                self._between(before, max(row.size, before), f"Checkpoint {row.sequence}: {fault}")
            previous = row
            if body:
                yield body

    def _checkpoint_fault(
        self, row: AuditCheckpoint, body: dict[str, Any], previous: AuditCheckpoint | None
    ) -> str:
        known = self.keys.get(row.key_id)
        if known is None:
            return f"it is signed with a key ({row.key_id}) that nobody vouches for"
        if not signature_holds(known, CHECKPOINT, row.body, row.signature):
            return "its signature does not hold"
        told = (body["sequence"], body["size"], body["root"], body["key"], body["last_event_id"])
        if told != (row.sequence, row.size, row.root, row.key_id, row.last_event_id):
            return "its columns do not say what was signed"
        if row.sequence != (previous.sequence + 1 if previous else 0):
            return "the one before it is gone"
        if body["previous"] != (body_digest(previous.body) if previous else None):
            return "the one before it was replaced"
        if previous and (row.size <= previous.size or body["log"] != body_read(previous.body).get("log")):
            return "it does not go on from the one before it"
        return ""

    def _between(self, first: int, last: int, text: str) -> None:
        """A finding about the leaves of places first … last-1: name the one whose own code does not fit, if any."""
        leaves = AuditLeaf.objects.filter(position__gte=first, position__lt=last).order_by("position")
        head = None
        for leaf in leaves.iterator(chunk_size=2_000):
            head = head or leaf
            if not leaf_code_fits(leaf.position, leaf.event_id, bytes(leaf.digest), bytes(leaf.code)):
                self.find(
                    leaf.position,
                    leaf.event_id,
                    f"{text}; the leaf of event {leaf.event_id} was changed, moved or added",
                )
                return
        where = f"; it begins at event {head.event_id} or behind it" if head else ""
        self.find(first, head.event_id if head else None, text + where)

    def young_check(self) -> None:
        """Events without a leaf: the last second's, unless somebody planted them or the sealer stands still."""
        after = 0
        while rows := rows_unsealed(after_id=after, limit=4_000):
            for row in rows:
                key_id, _, code = row.mac.partition(".")
                secret = self.macs.get(key_id)
                if secret is None or hmac.digest(secret, row.sealed, "sha256").hex() != code:
                    self.find(
                        row.id,
                        row.id,
                        f"Event {row.id}: it is not sealed and its code does not fit, so DeployHub did not write it",
                    )
                else:
                    self._note(row, row.id)
            self.result.unsealed += len(rows)
            if after == 0:
                at = AuditEvent.objects.filter(pk=rows[0].id).values_list("at", flat=True).first()
                if at and utc_now() - at > UNSEALED_ALARM:
                    self.result.warnings.append(
                        f"Event {rows[0].id} and others wait to be sealed since {at:%Y-%m-%d %H:%M:%S} UTC"
                    )
            after = rows[-1].id

    def accounts_check(self) -> None:
        for ids, accounted, text in (
            (
                self.erased,
                self.may_be_erased,
                "its personal parts were emptied, and no sealed erasure names it",
            ),
            (self.gone, self.may_be_gone, "it was deleted, and no sealed pruning names it"),
        ):
            for event_id in ids.without(accounted):
                position = (
                    AuditLeaf.objects.filter(event_id=event_id).values_list("position", flat=True).first()
                )
                self.find(
                    position if position is not None else event_id, event_id, f"Event {event_id}: {text}"
                )


def log_verify(*, trusted_key: str, witness_file: Path | None) -> Verification:
    """Verify the whole log. `trusted_key` is a public key in hex that was had outside the database."""
    started = time.perf_counter()
    verifier = _Verifier(trusted_key, witness_file)
    verifier.keys_check()
    verifier.copies_read()
    size = verifier.log_walk()
    verifier.young_check()
    verifier.accounts_check()
    verifier.copies_compare(size)
    verifier.result.findings.sort(key=lambda finding: finding.order)
    verifier.result.seconds = time.perf_counter() - started
    return verifier.result

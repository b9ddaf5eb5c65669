"""The signing key and its successors. The private half is outside the database (sealing/keys.py)."""

from __future__ import annotations

import logging
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from deployhub.audit.models import AuditCheckpoint, AuditKey
from deployhub.audit.scope import event_record
from deployhub.audit.sealing.checkpoints import SUCCESSION, body_sign, body_text
from deployhub.audit.sealing.keys import (
    SigningKeyError,
    key_file_write,
    key_id_of,
    pem_open,
    public_bytes,
    signing_key,
    signing_key_path,
)
from deployhub.audit.vocab import Operation
from deployhub.kernel.actor import Door, system_actor
from deployhub.kernel.clock import utc_now

log = logging.getLogger(__name__)


def _next_path() -> Any:
    return signing_key_path().with_suffix(".next.pem")


def _rotation_finish(newest: AuditKey | None) -> None:
    """Put the next key in place where a rotation was cut off between its commit and the exchange of the files."""
    path = _next_path()
    if newest is not None and not settings.DEPLOYHUB_AUDIT_KEY and path.exists():
        waiting = pem_open(path.read_bytes(), str(path))
        if key_id_of(public_bytes(waiting.public_key())) == newest.key_id:
            path.replace(signing_key_path())


def key_use() -> tuple[Ed25519PrivateKey, str]:
    """The key to sign with, and its id. The very first key is made and written down here.

    Raises SigningKeyError when this host does not have the key that the log knows as its newest.
    """
    newest = AuditKey.objects.last()
    _rotation_finish(newest)
    key = signing_key(make=newest is None)
    key_id = key_id_of(public_bytes(key.public_key()))
    if newest is None:
        key_succeed(key, previous=None, note="the log's first key")
    elif newest.key_id != key_id:
        raise SigningKeyError(
            f"The signing key here is {key_id}, but the log is signed with {newest.key_id}. Put that key back; "
            "if it is lost: manage.py audit_key succeed --lost --reason …"
        )
    return key, key_id


def key_succeed(
    key: Ed25519PrivateKey, *, previous: Ed25519PrivateKey | None, note: str, lost: bool = False
) -> AuditKey:
    """Write down that `key` signs from the last checkpoint on, endorsed by `previous` unless that one is lost."""
    last_key, last = AuditKey.objects.last(), AuditCheckpoint.objects.first()
    public = public_bytes(key.public_key())
    text = body_text(
        {
            "key": key_id_of(public),
            "note": note[:500],
            "previous": last_key.key_id if last_key else None,
            "public_key": public.hex(),
            "root": last.root if last else None,
            "size": last.size if last else 0,
            "time": utc_now().isoformat(timespec="seconds"),
        }
    )
    if lost:
        log.critical("The audit log's signing key is succeeded without its signature: %s", note)
    event_record(
        system_actor("DeployHub", door=Door.COMMAND),
        "audit.key",
        operation=Operation.EVENT,
        reason=note,
        facts={
            "key": [last_key.key_id if last_key else None, key_id_of(public)],
            "signed_by_previous": [None, bool(previous)],
        },
    )
    return AuditKey.objects.create(
        key_id=key_id_of(public),
        public_key=public.hex(),
        body=text,
        own_signature=body_sign(key, SUCCESSION, text),
        previous_signature=body_sign(previous, SUCCESSION, text) if previous else "",
        ordinal=last_key.ordinal + 1 if last_key else 0,
    )


def key_rotate(*, note: str, previous_pem: bytes | None = None) -> AuditKey:
    """Exchange the key: a new one, endorsed by the old one. Where the key comes from the environment, that is the new
    one already, and the old one is given as `previous_pem`.

    Raises SigningKeyError.
    """
    newest = AuditKey.objects.last()
    if settings.DEPLOYHUB_AUDIT_KEY:
        if previous_pem is None:
            raise SigningKeyError(
                "The key comes from DEPLOYHUB_AUDIT_KEY: put the new one there, and give the old one with --previous."
            )
        old, new = pem_open(previous_pem, "--previous"), signing_key(make=False)
    else:
        old, _ = key_use()
        newest = AuditKey.objects.last()
        new = Ed25519PrivateKey.generate()
    if newest is None or key_id_of(public_bytes(old.public_key())) != newest.key_id:
        raise SigningKeyError("The old key is not the one that the log is signed with.")
    if not settings.DEPLOYHUB_AUDIT_KEY:
        key_file_write(_next_path(), new, replace=True)
    with transaction.atomic():
        row = key_succeed(new, previous=old, note=note)
    _rotation_finish(row)
    return row


def key_replace_lost(*, note: str) -> AuditKey:
    """Go on with a new key that the lost one cannot endorse; verification tells of it for ever."""
    newest = AuditKey.objects.last()
    key = signing_key(make=True)
    if newest is not None and newest.key_id == key_id_of(public_bytes(key.public_key())):
        raise SigningKeyError("The key is not lost: this host has it. Use: manage.py audit_key rotate")
    with transaction.atomic():
        return key_succeed(key, previous=None, note=note, lost=True)

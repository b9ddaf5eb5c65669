"""Copies of checkpoints outside the database: a file, a syslog, a webhook.

At least once, in order, and each by itself: one that is dead is tried again ever more seldom and delays no other.
How far each got is kept in AuditWitness; the system page tells of every one that falls behind.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db.models import F

from deployhub.audit.models import AuditCheckpoint, AuditWitness
from deployhub.audit.selectors.proofs import checkpoint_signed
from deployhub.kernel.clock import utc_now

log = logging.getLogger(__name__)

AT_ONCE = 200
ANSWER_WITHIN_S = 5
CLAIMED_FOR = timedelta(seconds=60)
LONGEST_PAUSE_S = 300
_AUDIT_NOTICE = 13 * 8 + 5  # facility "log audit", severity "notice" (RFC 5424, 6.2.1)

SYSLOG_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}

Send = Callable[[list[dict[str, Any]]], None]


class WitnessFailedError(Exception):
    """A copy could not be handed over; the text says why."""


def line_of(signed: dict[str, Any]) -> str:
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def file_append(path: Path, checkpoints: list[dict[str, Any]]) -> None:
    """Append a line each, and return once the disk has them."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")  # a line that was cut off by a crash stands alone
        file.write("".join(f"{line_of(signed)}\n" for signed in checkpoints).encode())
        file.flush()
        os.fsync(file.fileno())


def syslog_line(signed: dict[str, Any]) -> bytes:
    """One message of RFC 5424; the signed checkpoint is its text."""
    body = signed["checkpoint"]
    facts = " ".join(f'{name}="{body[name]}"' for name in ("sequence", "size", "root", "key"))
    time = utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f"<{_AUDIT_NOTICE}>1 {time} {socket.gethostname()} deployhub {os.getpid()} audit-checkpoint"
    return f"{head} [checkpoint@32473 {facts}] {line_of(signed)}".encode()


def syslog_send(address: str, checkpoints: list[dict[str, Any]]) -> None:
    """By udp://, tcp:// or tls:// (RFC 5425, with octet counts), or to a unix:// socket."""
    parts = urlsplit(address)
    messages = [syslog_line(signed) for signed in checkpoints]
    if parts.scheme == "unix":
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
            line.settimeout(ANSWER_WITHIN_S)
            line.connect(parts.path)
            for message in messages:
                line.send(message)
        return
    if parts.scheme not in SYSLOG_PORTS:
        raise WitnessFailedError(f"{parts.scheme}:// is no way to a syslog; use udp, tcp, tls or unix")
    host, port = parts.hostname or "", parts.port or SYSLOG_PORTS[parts.scheme]
    if parts.scheme == "udp":
        family, kind, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with closing(socket.socket(family, kind)) as line:
            line.settimeout(ANSWER_WITHIN_S)
            line.connect(target)
            for message in messages:
                line.send(message)
        return
    with closing(socket.create_connection((host, port), timeout=ANSWER_WITHIN_S)) as plain:
        stream = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            if parts.scheme == "tls"
            else plain
        )
        stream.sendall(b"".join(b"%d %b" % (len(message), message) for message in messages))


def webhook_post(address: str, secret: str, checkpoints: list[dict[str, Any]]) -> None:
    """POST {"checkpoints": […]}. X-DeployHub-Signature: HMAC-SHA256 over "timestamp.body", in hex."""
    if not secret:
        raise WitnessFailedError("DEPLOYHUB_AUDIT_WEBHOOK_SECRET is not set")
    body = line_of({"checkpoints": checkpoints}).encode()
    timestamp = str(int(utc_now().timestamp()))
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    answer = httpx.post(
        address,
        content=body,
        timeout=ANSWER_WITHIN_S,
        headers={
            "Content-Type": "application/json",
            "X-DeployHub-Timestamp": timestamp,
            "X-DeployHub-Signature": f"sha256={signature}",
        },
    )
    if not answer.is_success:
        raise WitnessFailedError(f"it answered {answer.status_code}")


def witnesses_configured() -> dict[str, Send]:
    """Name → how to hand over, for each witness that the settings name."""
    path, syslog, webhook = (
        settings.DEPLOYHUB_AUDIT_WITNESS_FILE,
        settings.DEPLOYHUB_AUDIT_SYSLOG,
        settings.DEPLOYHUB_AUDIT_WEBHOOK,
    )
    found: dict[str, Send] = {}
    if path:
        found[f"file:{path}"[:300]] = lambda checkpoints: file_append(Path(path), checkpoints)
    if syslog:
        found[f"syslog:{syslog}"[:300]] = lambda checkpoints: syslog_send(syslog, checkpoints)
    if webhook:
        parts = urlsplit(webhook)
        name = (
            f"webhook:{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        )
        secret = settings.DEPLOYHUB_AUDIT_WEBHOOK_SECRET
        found[name[:300]] = lambda checkpoints: webhook_post(webhook, secret, checkpoints)
    return found


def checkpoints_deliver(*, local: bool | None = None) -> int:
    """Hand over what each witness has not got yet; returns how many copies arrived.

    `local` picks the file alone, or all but the file; None: every witness.
    """
    arrived = 0
    for name, send in witnesses_configured().items():
        if local is None or name.startswith("file:") is local:
            arrived += _deliver(name, send)
    return arrived


def _deliver(name: str, send: Send) -> int:
    row = AuditWitness.objects.get_or_create(name=name)[0]
    pending = list(
        AuditCheckpoint.objects.filter(sequence__gt=row.delivered_sequence).order_by("sequence")[:AT_ONCE]
    )
    mine, now = AuditWitness.objects.filter(name=name), utc_now()
    # Claimed for a while: of two deliverers one does it; when that one dies, the next tries again.
    if not pending or not mine.filter(try_at__lte=now).update(try_at=now + CLAIMED_FOR):
        return 0
    try:
        send([checkpoint_signed(checkpoint) for checkpoint in pending])
    except (OSError, httpx.HTTPError, httpx.InvalidURL, WitnessFailedError, ValueError, KeyError) as error:
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        pause = min(2 ** min(row.failures, 9), LONGEST_PAUSE_S)
        mine.update(
            failures=F("failures") + 1, problem=problem[:300], try_at=utc_now() + timedelta(seconds=pause)
        )
        log.error("A copy of the audit log's checkpoints did not reach %s: %s", name, problem)
        return 0
    mine.update(
        delivered_sequence=pending[-1].sequence,
        delivered_at=utc_now(),
        failures=0,
        problem="",
        try_at=utc_now(),
    )
    return len(pending)

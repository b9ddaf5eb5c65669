"""Keys come and go, witnesses fail and come back; the log stays verifiable, and says what happened."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import stat
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deployhub.audit.models import AuditCheckpoint, AuditEvent, AuditKey, AuditSealer, AuditWitness
from deployhub.audit.sealing.keys import SigningKeyError, key_file_write, signing_key_path
from deployhub.audit.selectors.proofs import keys_all, seal_faults
from deployhub.audit.services.sealer import log_seal, seal_duty
from deployhub.audit.services.witnesses import checkpoints_deliver
from deployhub.kernel.clock import utc_now
from deployhub.portal.system import seal_check
from deployhub.portal.vocab import Verdict

pytestmark = pytest.mark.django_db


def test_the_key_is_made_at_first_use_for_its_owners_eyes_alone(happened: Any) -> None:
    happened(1)
    assert stat.S_IMODE(signing_key_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(signing_key_path().parent.stat().st_mode) == 0o700


def test_a_rotated_key_is_endorsed_by_the_one_before_and_the_log_still_holds(
    happened: Any, verified: Any
) -> None:
    happened(6, batches=2)
    before = signing_key_path().read_bytes()
    call_command("audit_key", "rotate", "--reason", "yearly", stdout=StringIO())
    assert signing_key_path().read_bytes() != before
    happened(6, batches=2)
    found = verified()
    assert found.holds, found.findings
    assert found.warnings == [] or "copies outside" in found.warnings[0]
    assert [key["endorsed"] for key in keys_all()] == [True, True]
    assert AuditEvent.objects.filter(action="audit.key").count() == 2, (
        "each change of key is in the log itself"
    )


def test_a_lost_key_is_succeeded_without_signature_and_every_verification_says_so(
    happened: Any, verified: Any
) -> None:
    happened(6)
    signing_key_path().unlink()
    happened(1, sealed=False)
    assert seal_duty() == 0, "it never makes a key by itself once the log has one"
    assert "cannot be used" in seal_faults()[0]
    assert seal_check().verdict is Verdict.DOWN
    call_command("audit_key", "succeed", "--lost", "--reason", "the disk died", stdout=StringIO())
    happened(6)
    found = verified()
    assert found.holds, found.findings
    assert any(
        "Succession without signature" in warning and "the disk died" in warning for warning in found.warnings
    )
    assert [key["endorsed"] for key in keys_all()] == [True, False]


def test_a_host_with_another_key_never_takes_the_log_over(happened: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    happened(3)
    key_file_write(signing_key_path(), Ed25519PrivateKey.generate(), replace=True)
    happened(1, sealed=False)
    with pytest.raises(SigningKeyError, match="signed with"):
        log_seal()
    assert AuditKey.objects.count() == 1


def test_a_rotation_that_was_cut_off_is_finished_by_the_next_sealer(
    happened: Any, verified: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployhub.audit.services import keys

    happened(3)
    with monkeypatch.context() as cut:
        cut.setattr(keys, "_rotation_finish", lambda newest: None)
        keys.key_rotate(note="cut off before the files were exchanged")
    happened(3)
    assert verified().holds


def test_a_key_from_the_environment_is_succeeded_with_the_old_ones_file(
    happened: Any, verified: Any, settings: Any, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    happened(3)
    old = tmp_path / "old.pem"
    old.write_bytes(signing_key_path().read_bytes())
    new = tmp_path / "new.pem"
    key_file_write(new, Ed25519PrivateKey.generate(), replace=True)
    settings.DEPLOYHUB_AUDIT_KEY = new.read_text()
    with pytest.raises(CommandError, match="previous"):
        call_command("audit_key", "rotate")
    call_command("audit_key", "rotate", "--previous", str(old), stdout=StringIO())
    happened(3)
    assert verified().holds


def test_verify_tells_the_first_bad_event_and_ends_with_1(
    happened: Any, transactional_db: None, attacker: Any
) -> None:
    ids = happened(9)
    with attacker:
        attacker.sql("UPDATE audit_auditevent SET outcome = 'denied' WHERE id = %s", ids[4])
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit_verify", stdout=out)
    assert ended.value.code == 1
    assert f"First bad event: {ids[4]}" in out.getvalue()


def test_verify_ends_with_2_where_it_cannot_verify(home: Path) -> None:
    with pytest.raises(CommandError) as ended:
        call_command("audit_verify")
    assert ended.value.returncode == 2


def test_verify_as_json_for_programs(happened: Any) -> None:
    happened(4)
    out = StringIO()
    call_command("audit_verify", "--json", stdout=out)
    assert json.loads(out.getvalue())["holds"] is True


# Witnesses


@pytest.fixture
def webhook(settings: Any) -> Iterator[list[Any]]:
    """Somebody who listens: (headers, body) of each request."""
    got: list[Any] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.DEPLOYHUB_AUDIT_WEBHOOK = f"http://127.0.0.1:{server.server_port}/checkpoints"
    settings.DEPLOYHUB_AUDIT_WEBHOOK_SECRET = "shared"
    yield got
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_every_checkpoint_signed_with_the_secret(happened: Any, webhook: list[Any]) -> None:
    happened(4, batches=2)
    assert checkpoints_deliver(local=False) == 2
    assert checkpoints_deliver(local=False) == 0
    headers, body = webhook[0]
    signed = f"{headers['X-DeployHub-Timestamp']}.".encode() + body
    assert (
        headers["X-DeployHub-Signature"]
        == f"sha256={hmac.new(b'shared', signed, hashlib.sha256).hexdigest()}"
    )
    assert [entry["checkpoint"]["sequence"] for entry in json.loads(body)["checkpoints"]] == [0, 1]


@pytest.mark.parametrize("scheme", ["udp", "tcp", "unix"])
def test_a_syslog_gets_messages_of_rfc_5424(
    scheme: str, happened: Any, settings: Any, tmp_path: Path
) -> None:
    happened(2)
    if scheme == "unix":
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(tmp_path / "log"))
        settings.DEPLOYHUB_AUDIT_SYSLOG = f"unix://{tmp_path / 'log'}"
    else:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        settings.DEPLOYHUB_AUDIT_SYSLOG = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    if scheme == "tcp":
        listener.listen()
    assert checkpoints_deliver(local=False) == AuditCheckpoint.objects.count()
    if scheme == "tcp":
        stream, _ = listener.accept()
        count, _, rest = stream.recv(65_536).partition(b" ")
        message = rest[: int(count)]  # octet counting, RFC 5425
        stream.close()
    else:
        message = listener.recv(65_536)
    listener.close()
    assert message.startswith(b"<109>1 20")
    assert b" deployhub " in message
    assert b'[checkpoint@32473 sequence="0" size="' in message
    assert json.loads(message.split(b"] ", 1)[1])["checkpoint"]["sequence"] == 0


def test_a_dead_witness_is_loud_and_delays_no_other_and_gets_all_once_it_is_back(
    happened: Any, settings: Any, webhook: list[Any]
) -> None:
    there = settings.DEPLOYHUB_AUDIT_WEBHOOK
    settings.DEPLOYHUB_AUDIT_WEBHOOK = "http://127.0.0.1:1/checkpoints"
    happened(4, batches=2)
    assert checkpoints_deliver() == 2, "the file has them"
    assert any("127.0.0.1:1" in fault for fault in seal_faults())
    assert seal_check().verdict is Verdict.DEGRADED
    assert checkpoints_deliver() == 0, "it is not tried again at once"
    AuditWitness.objects.filter(name__startswith="webhook:").update(name=f"webhook:{there}", try_at=utc_now())
    settings.DEPLOYHUB_AUDIT_WEBHOOK = there
    assert checkpoints_deliver() == 2
    assert len(json.loads(webhook[0][1])["checkpoints"]) == 2
    assert seal_faults() == []
    assert seal_check().verdict is Verdict.OK


def test_of_two_deliverers_one_delivers(happened: Any, settings: Any, webhook: list[Any]) -> None:
    happened(2)
    checkpoints_deliver(local=False)
    AuditWitness.objects.filter(name__startswith="webhook:").update(
        delivered_sequence=-1, try_at=utc_now() + timedelta(seconds=30)
    )
    assert checkpoints_deliver(local=False) == 0, "claimed by another"
    assert len(webhook) == 1


def test_events_that_wait_for_over_a_minute_degrade_the_system_page(happened: Any) -> None:
    happened(2)
    AuditSealer.objects.update(ran_at=utc_now() - timedelta(minutes=2))
    assert seal_check().verdict is Verdict.DEGRADED
    AuditSealer.objects.update(ran_at=utc_now())
    event = AuditEvent(
        action="x",
        operation="event",
        actor_kind="system",
        actor_name="x",
        door="worker",
        at=utc_now() - timedelta(minutes=2),
    )
    from deployhub.audit.scope import events_write

    events_write([event])
    assert "wait to be sealed" in seal_check().found
    assert AuditCheckpoint.objects.count()

"""The local authority: what it issues is trusted by who trusts it, for the names that it may vouch for, and no others."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deployhub.certificates.authority import (
    TlsFolder,
    authority_make,
    is_due,
    names_found,
    server_issue,
    server_renew,
)
from deployhub.certificates.reading import (
    CertificateUnusable,
    certificate_check,
    certificate_load,
    certificate_read,
    host_best,
)

NAMES = ("hub.lan", "192.168.7.20", "localhost", "127.0.0.1")


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    made = TlsFolder(tmp_path)
    authority_make(made, NAMES)
    server_issue(made, NAMES)
    return made


@contextmanager
def served(folder: TlsFolder) -> Iterator[int]:
    """A TLS server on loopback with the folder's certificate; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder.server, folder.server_key)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.sendall(b"hello")
            except OSError:
                continue

    threading.Thread(target=answer, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def greeted(port: int, *, name: str, ca: Path | None) -> bytes:
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        return tls.recv(5)


def test_who_trusts_the_authority_trusts_the_server_by_each_of_its_names(folder: TlsFolder) -> None:
    with served(folder) as port:
        for name in NAMES:
            assert greeted(port, name=name, ca=folder.authority) == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError):
            greeted(port, name="localhost", ca=None)
        with pytest.raises(ssl.SSLCertVerificationError):
            greeted(port, name="elsewhere.lan", ca=folder.authority)


def test_a_stolen_authority_cannot_vouch_for_the_rest_of_the_web(folder: TlsFolder, monkeypatch) -> None:
    with pytest.raises(CertificateUnusable, match=r"not made for bank\.example"):
        server_issue(folder, ("bank.example",))
    monkeypatch.setattr("deployhub.certificates.authority._may_vouch", lambda *args: True)
    server_issue(folder, ("bank.example",))
    with served(folder) as port, pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        greeted(port, name="bank.example", ca=folder.authority)


def test_keys_are_readable_by_their_owner_alone(folder: TlsFolder) -> None:
    for key in (folder.authority_key, folder.server_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_the_authority_is_an_authority_and_the_server_is_none(folder: TlsFolder) -> None:
    authority, server = certificate_load(folder.authority), certificate_load(folder.server)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert 3640 < certificate_read(folder.authority).days_left() < 3651
    assert 89 < certificate_read(folder.server).days_left() <= 90


def test_a_certificate_is_due_when_a_third_of_its_life_is_left_and_keeps_its_names(folder: TlsFolder) -> None:
    before = certificate_read(folder.server)
    assert not is_due(before)
    assert is_due(before, datetime.now(UTC) + timedelta(days=61))
    key = folder.server_key.read_bytes()
    after = server_renew(folder)
    assert (after.names, after.sha256 != before.sha256) == (before.names, True)
    assert folder.server_key.read_bytes() != key
    assert certificate_check(folder.server, folder.server_key) == after


def test_a_key_of_another_certificate_is_refused(folder: TlsFolder) -> None:
    with pytest.raises(CertificateUnusable, match="does not belong to the certificate"):
        certificate_check(folder.server, folder.authority_key)


def test_a_certificate_that_ended_is_refused(folder: TlsFolder) -> None:
    server_issue(folder, NAMES, days=0)
    with pytest.raises(CertificateUnusable, match=r"ended on .* renew it"):
        certificate_check(folder.server, folder.server_key)


def test_files_that_are_something_else_are_named(folder: TlsFolder, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a certificate")
    with pytest.raises(CertificateUnusable, match="holds no certificate"):
        certificate_check(tmp_path / "text", folder.server_key)
    with pytest.raises(CertificateUnusable, match="holds no private key"):
        certificate_check(folder.server, tmp_path / "text")
    with pytest.raises(CertificateUnusable, match="cannot be read"):
        certificate_check(tmp_path / "missing", folder.server_key)


def test_names_are_found_and_what_is_no_name_is_left_out() -> None:
    found = names_found(("Hub.LAN.", "not a name", "192.168.7.20", "-bad"))
    assert found[:2] == ("hub.lan", "192.168.7.20")
    assert {"localhost", "127.0.0.1", "::1"} <= set(found)
    assert not {"not a name", "-bad"} & set(found)


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (("localhost", "192.168.7.20", "hub.lan"), "hub.lan"),
        (("127.0.0.1", "192.168.7.20"), "192.168.7.20"),
        (("fd00::7", "::1"), "[fd00::7]"),
        (("*.hub.lan", "localhost"), "localhost"),
    ],
)
def test_people_are_told_the_best_name(names: tuple[str, ...], best: str) -> None:
    assert host_best(names) == best

"""Beyond loopback the web server speaks TLS or does not start; a renewed certificate is taken up by itself."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from deployhub.certificates.authority import TlsFolder, authority_make, server_issue, server_renew
from deployhub.certificates.reading import certificate_read
from deployhub.standalone import tls as standalone_tls
from deployhub.standalone.plan import Plan
from deployhub.standalone.preflight import redirect_port_given
from deployhub.standalone.refusals import Refusal
from deployhub.standalone.tls import tls_choose
from tests.servers import port_free
from tests.standalone.conftest import Installation

NAMES = ("hub.lan", "localhost", "127.0.0.1")
OUTWARD = "0.0.0.0"


@pytest.fixture(autouse=True)
def _no_setting_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DEPLOYHUB_TLS_CERT",
        "DEPLOYHUB_TLS_KEY",
        "DEPLOYHUB_ORIGIN",
        "DEPLOYHUB_HTTP_REDIRECT_PORT",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    made = TlsFolder(tmp_path)
    authority_make(made, NAMES)
    server_issue(made, NAMES)
    return made


def test_loopback_stays_plain_and_anything_else_wants_a_certificate(tmp_path: Path) -> None:
    assert tls_choose(tmp_path, "127.0.0.1", allow_plain_http=False) is None
    assert tls_choose(tmp_path, OUTWARD, allow_plain_http=True) is None
    with pytest.raises(Refusal, match=r"DEPLOYHUB_TLS_CERT=.*`make tls`"):
        tls_choose(tmp_path, OUTWARD, allow_plain_http=False)
    with pytest.raises(Refusal, match="unencrypted"):
        tls_choose(tmp_path, "192.168.7.20", allow_plain_http=False)


def test_the_local_certificate_is_found_and_decides_the_address(folder: TlsFolder, tmp_path: Path) -> None:
    chosen = tls_choose(tmp_path, OUTWARD, allow_plain_http=False)
    assert chosen is not None
    plan = Plan(home=tmp_path, host=OUTWARD, port=8443, redis_url="", tls=chosen)
    assert plan.address == "https://hub.lan:8443"
    assert plan.probe_address == "https://127.0.0.1:8443"
    environment = plan.environment()
    assert environment["DEPLOYHUB_ORIGIN"] == "https://hub.lan:8443"
    assert "hub.lan" in environment["DEPLOYHUB_ALLOWED_HOSTS"].split(",")
    assert environment["DEPLOYHUB_TLS_CERT"] == str(folder.server)


def test_an_own_certificate_is_checked_before_anything_starts(
    folder: TlsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYHUB_TLS_CERT", str(folder.server))
    with pytest.raises(Refusal, match="belong together"):
        tls_choose(tmp_path, OUTWARD, allow_plain_http=False)
    monkeypatch.setenv("DEPLOYHUB_TLS_KEY", str(folder.authority_key))
    with pytest.raises(Refusal, match="does not belong to the certificate"):
        tls_choose(tmp_path, OUTWARD, allow_plain_http=False)
    monkeypatch.setenv("DEPLOYHUB_TLS_KEY", str(folder.server_key))
    assert tls_choose(tmp_path, OUTWARD, allow_plain_http=False) is not None
    monkeypatch.setenv("DEPLOYHUB_ORIGIN", "https://elsewhere.lan")
    with pytest.raises(Refusal, match=r"names elsewhere\.lan, and the certificate is for hub\.lan"):
        tls_choose(tmp_path, OUTWARD, allow_plain_http=False)


def test_a_local_certificate_that_nears_its_end_is_renewed_and_taken_up(
    folder: TlsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tls_choose(tmp_path, OUTWARD, allow_plain_http=False)
    assert chosen is not None
    assert chosen.look() == ""
    before = chosen.facts
    with monkeypatch.context() as later:
        later.setattr(standalone_tls, "is_due", lambda facts: facts == before)
        assert "new certificate" in chosen.look()
    assert chosen.facts.sha256 != before.sha256
    folder.server_key.write_bytes(folder.authority_key.read_bytes())
    server_bytes = folder.server.read_bytes()
    assert chosen.look() == "", "a pair that does not fit leaves the server with what it has"
    assert folder.server.read_bytes() == server_bytes


def test_the_redirect_port_must_be_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert redirect_port_given(8443) == 0
    for wrong in ("8443", "0", "many", "70000"):
        monkeypatch.setenv("DEPLOYHUB_HTTP_REDIRECT_PORT", wrong)
        with pytest.raises(Refusal, match="choose another"):
            redirect_port_given(8443)


def _shown(port: int, folder: TlsFolder, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> str:
    """SHA-256 of the certificate that the server shows to a client that trusts the authority."""
    import hashlib

    context = ssl.create_default_context(cafile=str(folder.authority))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else this side would refuse what the server has to
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
        return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


@pytest.mark.processes
def test_a_whole_installation_speaks_tls_and_takes_up_a_renewed_certificate(
    installation: Callable[..., Installation], tmp_path: Path, folder: TlsFolder
) -> None:
    port, plain_port = port_free(), port_free()
    hub = installation(
        home=tmp_path,
        port=port,
        DEPLOYHUB_TLS_CERT=str(folder.server),
        DEPLOYHUB_TLS_KEY=str(folder.server_key),
        DEPLOYHUB_HTTP_REDIRECT_PORT=str(plain_port),
    )
    hub.wait_ready()
    assert f"https://hub.lan:{port}" in hub.said
    trusting = ssl.create_default_context(cafile=str(folder.authority))
    connection = http.client.HTTPSConnection("localhost", port, context=trusting, timeout=10)
    connection.request("GET", "/sign-in/")
    page = connection.getresponse()
    page.read()
    assert page.status == 200
    cookies = page.headers.get_all("Set-Cookie") or []
    assert cookies
    assert all(cookie.startswith("__Host-") and "Secure" in cookie for cookie in cookies)

    with pytest.raises(OSError):
        _shown(port, folder, newest=ssl.TLSVersion.TLSv1_1)

    huge = http.client.HTTPSConnection("localhost", port, context=trusting, timeout=10)
    huge.putrequest("GET", "/healthz")
    huge.putheader("X-Padding", "a" * 300_000)
    try:
        huge.endheaders()
        assert huge.getresponse().status == 400
    except OSError:
        pass  # closed before all of it was taken: as good

    def redirected() -> http.client.HTTPResponse | None:
        try:
            plain = http.client.HTTPConnection("127.0.0.1", plain_port, timeout=5)
            plain.request("GET", "/models/?q=1", headers={"Host": "evil.example"})
            return plain.getresponse()
        except OSError:
            return None

    answer = hub.wait_until(redirected, "the redirect answers", within_s=20)
    assert (answer.status, answer.headers["Location"]) == (308, f"https://hub.lan:{port}/models/?q=1")
    token_in_clear = http.client.HTTPConnection("127.0.0.1", plain_port, timeout=5)
    token_in_clear.request("GET", "/api/v1/me/", headers={"Authorization": "Bearer dh_pat_x"})
    assert token_in_clear.getresponse().status == 403

    before = _shown(port, folder)
    assert before == certificate_read(folder.server).sha256
    server_renew(folder)
    hub.wait_until(lambda: "new certificate is there" in hub.said, "the renewal is noticed", within_s=60)

    def shows_the_new_one() -> bool:
        try:
            return _shown(port, folder) == certificate_read(folder.server).sha256
        except OSError:
            return False

    hub.wait_until(shows_the_new_one, "the new certificate is shown", within_s=60)
    assert "times in a row" not in hub.said

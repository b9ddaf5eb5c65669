"""A certificate that nears its end is told of, on the system page, the dashboard and to Prometheus."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployhub.certificates.authority import TlsFolder, authority_make, server_issue
from deployhub.certificates.reading import certificate_read
from deployhub.portal.transport import tls_check
from deployhub.portal.vocab import Verdict

NAMES = ("hub.lan", "localhost")


@pytest.fixture
def own_certificate(tmp_path: Path, settings: Any) -> TlsFolder:
    folder = TlsFolder(tmp_path / "elsewhere")
    authority_make(folder, NAMES)
    server_issue(folder, NAMES)
    settings.DEPLOYHUB_TLS_CERT = str(folder.server)
    return folder


@pytest.mark.parametrize(
    ("days_left", "verdict", "words"),
    [
        (60, Verdict.OK, "60 days"),
        (29, Verdict.DEGRADED, "it ends in 29 days"),
        (6, Verdict.DOWN, "it ends in 6 days"),
        (0, Verdict.DOWN, "less than a day"),
        (-2, Verdict.DOWN, "it has ended"),
    ],
)
def test_the_verdict_follows_the_days_that_are_left(
    own_certificate: TlsFolder, days_left: int, verdict: Verdict, words: str
) -> None:
    ends = certificate_read(own_certificate.server).ends_at
    check = tls_check(now=ends - timedelta(days=days_left, hours=1 if days_left >= 0 else 0))
    assert check.verdict is verdict
    assert words in check.found
    assert "hub.lan" in check.found


def test_a_local_certificate_is_renewed_by_itself_so_it_is_told_of_only_when_that_failed(
    tmp_path: Path, settings: Any
) -> None:
    settings.DEPLOYHUB_HOME = tmp_path
    folder = TlsFolder(tmp_path)
    authority_make(folder, NAMES)
    ends = server_issue(folder, NAMES).ends_at
    settings.DEPLOYHUB_TLS_CERT = str(folder.server)
    assert tls_check(now=ends - timedelta(days=20)).verdict is Verdict.OK
    late = tls_check(now=ends - timedelta(days=10))
    assert late.verdict is Verdict.DEGRADED
    assert "tls renew" in late.advice


def test_behind_a_proxy_the_page_says_that_it_cannot_see(settings: Any) -> None:
    settings.DEPLOYHUB_TLS_CERT = ""
    assert "this machine alone" in tls_check().found
    settings.SESSION_COOKIE_SECURE = True
    assert "cannot be seen from here" in tls_check().found


@pytest.mark.django_db
def test_an_administrator_is_told_on_the_dashboard_and_a_viewer_is_not(
    own_certificate: TlsFolder, browser: Any, administrator: Any, viewer: Any, settings: Any
) -> None:
    assert "certificate needs attention" not in browser(administrator).get("/").content.decode()
    server_issue(own_certificate, NAMES, days=5)
    page = browser(administrator).get("/").content.decode()
    assert "certificate needs attention" in page
    assert "it ends in 4 days" in page
    assert "certificate needs attention" not in browser(viewer).get("/").content.decode()
    assert "it ends in 4 days" in browser(administrator).get("/system/").content.decode()
    own_certificate.server.write_text("broken")
    assert "holds no certificate" in browser(administrator).get("/system/").content.decode()


@pytest.mark.django_db
def test_prometheus_is_told_the_end(own_certificate: TlsFolder, client: Any, settings: Any) -> None:
    settings.DEPLOYHUB_METRICS_TOKEN = "scraper"
    ends = certificate_read(own_certificate.server).ends_at.timestamp()
    told = client.get("/metrics", HTTP_AUTHORIZATION="Bearer scraper").content.decode()
    line = next(row for row in told.splitlines() if row.startswith("deployhub_tls_certificate_end"))
    assert float(line.split()[1]) == pytest.approx(ends)

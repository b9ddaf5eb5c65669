"""Whether the connection to people's browsers is encrypted, and for how long its certificate holds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings

from deployhub.certificates.authority import TlsFolder
from deployhub.certificates.reading import CertificateFacts, CertificateUnusable, certificate_read
from deployhub.portal.vocab import Check, Verdict

ENDS_SOON_DAYS = 30
ENDS_VERY_SOON_DAYS = 7
LOCAL_ENDS_SOON_DAYS = 14
"""A local certificate is renewed with 30 of its 90 days left: one with fewer days than this was not."""


def certificate_shown() -> CertificateFacts | None:
    """The certificate that the web server shows; None where it speaks plain http. Raises CertificateUnusable."""
    path = settings.DEPLOYHUB_TLS_CERT
    return certificate_read(Path(path)) if path else None


def is_local() -> bool:
    """Whether the certificate comes from this installation's own authority."""
    path = settings.DEPLOYHUB_TLS_CERT
    return bool(path) and Path(path) == TlsFolder(settings.DEPLOYHUB_HOME).server


def tls_check(now: datetime | None = None) -> Check:
    try:
        facts = certificate_shown()
    except CertificateUnusable as error:
        return Check("TLS", Verdict.DOWN, str(error).rstrip("."), "Look at DEPLOYHUB_TLS_CERT.")
    if facts is None:
        return _without_certificate()
    left = facts.days_left(now)
    found = f"certificate for {', '.join(facts.names[:3])} by {facts.issuer}, until {facts.ends_at:%Y-%m-%d}"
    if is_local():
        advice, soon = "Run: deployhub tls renew (make run does so by itself).", LOCAL_ENDS_SOON_DAYS
    else:
        advice, soon = "Renew it, in the same files; the web server takes it up by itself.", ENDS_SOON_DAYS
    if left <= 0:
        return Check("TLS", Verdict.DOWN, f"{found}: it has ended, and browsers refuse it", advice)
    if left <= ENDS_VERY_SOON_DAYS:
        return Check("TLS", Verdict.DOWN, f"{found}: it ends in {_days(left)}", advice)
    if left <= soon:
        return Check("TLS", Verdict.DEGRADED, f"{found}: it ends in {_days(left)}", advice)
    return Check("TLS", Verdict.OK, f"{found} ({_days(left)})")


def _without_certificate() -> Check:
    if settings.SESSION_COOKIE_SECURE:
        return Check(
            "TLS",
            Verdict.OK,
            "ended by a proxy before this server, whose certificate cannot be seen from here",
            "Watch the end of its certificate there.",
        )
    return Check("TLS", Verdict.OK, "none: plain http, which is for this machine alone")


def _days(left: float) -> str:
    whole = int(left)
    return "less than a day" if whole < 1 else f"{whole} day{'s' if whole != 1 else ''}"

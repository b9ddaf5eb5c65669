"""Which certificate the web server shows, and when it has to be shown a newer one."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployhub.certificates.authority import TlsFolder, is_due, server_renew
from deployhub.certificates.reading import (
    CertificateFacts,
    CertificateUnusable,
    certificate_check,
    certificate_read,
    host_best,
    is_loopback,
)
from deployhub.standalone.refusals import Refusal

LOOK_EVERY_S = 20.0
# TLS 1.2 with forward secrecy and authenticated encryption; the suites of TLS 1.3 are all of that kind.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass
class ServerTls:
    """Certificate and key that the web server was started with. `folder`: the local authority's, else an own one."""

    certificate: Path
    key: Path
    facts: CertificateFacts
    folder: TlsFolder | None = None

    @property
    def host(self) -> str:
        return host_best(self.facts.names)

    @property
    def allowed_hosts(self) -> str:
        """The certificate's names as Django writes them: `*.lan` is `.lan`, an IPv6 address stands in brackets."""
        names = [name.removeprefix("*") if name.startswith("*.") else name for name in self.facts.names]
        hosts = [f"[{name}]" if ":" in name else name for name in names]
        return ",".join(dict.fromkeys([*hosts, "localhost", "127.0.0.1", "[::1]"]))

    def options(self) -> list[str]:
        """For uvicorn; TLS 1.2 is the least by Python's own default."""
        return [
            "--ssl-certfile", str(self.certificate), "--ssl-keyfile", str(self.key), "--ssl-ciphers", CIPHERS,
        ]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"DEPLOYHUB_TLS_CERT": str(self.certificate), "DEPLOYHUB_TLS_KEY": str(self.key)}

    def look(self) -> str:
        """Renew what is due, and take up what changed: a sentence when the web server has to be started again.

        A pair that does not work is left alone: the server goes on with what it has.
        """
        if self.folder is not None:
            with contextlib.suppress(CertificateUnusable, OSError):
                if is_due(certificate_read(self.certificate)):
                    server_renew(self.folder)
        try:
            facts = certificate_check(self.certificate, self.key)
        except CertificateUnusable:
            return ""
        if facts.sha256 == self.facts.sha256:
            return ""
        self.facts = facts
        return f"A new certificate is there, valid until {facts.ends_at:%Y-%m-%d}."


def tls_choose(home: Path, host: str, *, allow_plain_http: bool) -> ServerTls | None:
    """An own certificate, else that of the local authority; None: plain http. Raises Refusal.

    Plain http is for loopback, or for an address before which a TLS proxy stands, as ALLOW_PLAIN_HTTP says.
    """
    certificate, key = os.environ.get("DEPLOYHUB_TLS_CERT", ""), os.environ.get("DEPLOYHUB_TLS_KEY", "")
    if bool(certificate) != bool(key):
        raise Refusal(
            "DEPLOYHUB_TLS_CERT and DEPLOYHUB_TLS_KEY belong together: name both files, or neither of them."
        )
    folder = TlsFolder(home)
    try:
        if certificate:
            path, key_path = Path(certificate).resolve(), Path(key).resolve()
            return _origin_checked(ServerTls(path, key_path, certificate_check(path, key_path)))
        if is_loopback(host) or allow_plain_http:
            return None
        if folder.is_made:
            if is_due(certificate_read(folder.server)):
                server_renew(folder)
            facts = certificate_check(folder.server, folder.server_key)
            return _origin_checked(ServerTls(folder.server, folder.server_key, facts, folder))
    except CertificateUnusable as error:
        raise Refusal(str(error)) from error
    raise Refusal(
        f"On {host} passwords would cross the network unencrypted: give a certificate of your own with "
        "DEPLOYHUB_TLS_CERT=… and DEPLOYHUB_TLS_KEY=…, or make one with `make tls` (that is `deployhub tls init`) "
        "and start again; behind a TLS proxy of your own, say so with ALLOW_PLAIN_HTTP=1."
    )


def _origin_checked(tls: ServerTls) -> ServerTls:
    """Raise Refusal where the address that people are told is none that the certificate is valid for."""
    host = (urlsplit(os.environ.get("DEPLOYHUB_ORIGIN", "")).hostname or "").lower()
    names = {name.lower() for name in tls.facts.names}
    if host and host not in names and f"*.{host.partition('.')[2]}" not in names:
        raise Refusal(
            f"DEPLOYHUB_ORIGIN names {host}, and the certificate is for {', '.join(tls.facts.names)}: "
            "change the one or the other, so that they agree."
        )
    return tls

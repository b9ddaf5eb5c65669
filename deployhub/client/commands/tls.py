"""tls init, tls renew, tls show: a certificate authority of this installation, for a server without a public name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.client.failures import CommandFailed, UsageWrong
from deployhub.client.terminal import Terminal

if TYPE_CHECKING:
    from deployhub.certificates.authority import TlsFolder
    from deployhub.certificates.reading import CertificateFacts

_SOURCE = Path(__file__).resolve().parents[3]


def tls_run(arguments: Any, terminal: Terminal) -> None:
    from deployhub.certificates.authority import TlsFolder
    from deployhub.certificates.reading import CertificateUnusable

    home = arguments.home or os.environ.get("DEPLOYHUB_HOME", "") or _SOURCE / "var"
    folder = TlsFolder(Path(home).resolve())
    try:
        _ACTIONS[arguments.action](arguments, terminal, folder)
    except CertificateUnusable as error:
        raise CommandFailed(str(error)) from error


def _init(arguments: Any, terminal: Terminal, folder: TlsFolder) -> None:
    from deployhub.certificates.authority import authority_make, is_due, names_found, server_issue
    from deployhub.certificates.reading import certificate_read

    names = names_found(tuple(arguments.name))
    if wrong := [name for name in arguments.name if name.strip().lower().rstrip(".") not in names]:
        raise UsageWrong(
            f"{', '.join(wrong)} is no host name or address.", hint="Write it like hub.lan or 192.168.1.20."
        )
    if arguments.new_authority or not (folder.authority.exists() and folder.authority_key.exists()):
        authority_make(folder, names)
        folder.server.unlink(missing_ok=True)
        terminal.note(f"Made a local authority in {folder.path}.")
    if folder.is_made:
        server = certificate_read(folder.server)
        if set(names) <= set(server.names) and not is_due(server):
            terminal.note("The certificate is there already and holds; nothing was changed.")
            _show(arguments, terminal, folder)
            return
        # What was vouched for once stays so; a name is dropped with --new-authority.
        names = tuple(dict.fromkeys((*names, *server.names)))
    server_issue(folder, names, days=arguments.days)
    terminal.note("Issued the server's certificate.")
    _show(arguments, terminal, folder)


def _renew(arguments: Any, terminal: Terminal, folder: TlsFolder) -> None:
    from deployhub.certificates.authority import server_renew

    _require_made(folder)
    server_renew(folder)
    terminal.note("Renewed the server's certificate; a running server takes it up within a minute.")
    _show(arguments, terminal, folder)


def _show(arguments: Any, terminal: Terminal, folder: TlsFolder) -> None:
    from deployhub.certificates.reading import certificate_read

    _require_made(folder)
    authority, server = certificate_read(folder.authority), certificate_read(folder.server)
    terminal.answer(
        {"authority": _document(authority, folder.authority), "server": _document(server, folder.server)},
        lambda: _say(terminal, folder, authority, server),
    )


def _require_made(folder: TlsFolder) -> None:
    if not folder.is_made or not folder.authority.exists():
        raise CommandFailed(
            f"There is no certificate in {folder.path}.", hint="Make one with `deployhub tls init`."
        )


def _document(facts: CertificateFacts, path: Path) -> dict[str, Any]:
    return {
        "file": str(path),
        "subject": facts.subject,
        "names": list(facts.names),
        "ends_at": facts.ends_at.isoformat(),
        "days_left": int(facts.days_left()),
        "sha256": facts.sha256,
    }


def _say(
    terminal: Terminal, folder: TlsFolder, authority: CertificateFacts, server: CertificateFacts
) -> None:
    fingerprint = ":".join(authority.sha256[at : at + 2] for at in range(0, 64, 2)).upper()
    for line in (
        f"Certificate  {folder.server}",
        f"  for        {', '.join(server.names)}",
        f"  until      {server.ends_at:%Y-%m-%d} ({int(server.days_left())} days; make run renews it by itself)",
        f"Authority    {folder.authority}",
        f"  until      {authority.ends_at:%Y-%m-%d}",
        f"  SHA-256    {fingerprint}",
        "",
        "Let each machine that visits trust the authority (the file ca.pem, never ca.key):",
        "  Debian, Ubuntu  cp ca.pem /usr/local/share/ca-certificates/deployhub.crt && update-ca-certificates",
        "  Fedora          cp ca.pem /etc/pki/ca-trust/source/anchors/deployhub.pem && update-ca-trust",
        "  macOS           security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ca.pem",
        "  Windows         certutil -addstore -user Root ca.pem",
        "  Firefox         Settings, Certificates, Authorities, Import",
        "  command line    deployhub login --url https://HOST:8000 --ca ca.pem; curl --cacert ca.pem",
    ):
        terminal.line(line)


_ACTIONS = {"init": _init, "renew": _renew, "show": _show}

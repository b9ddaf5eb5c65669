"""A certificate authority of this installation alone, and the server certificate that it issues.

The authority may vouch for private addresses, local names and the names that it was made for, and for nothing else
(RFC 5280 §4.2.1.10): a stolen authority key is of no use against the rest of the web. Its key lies beside the
server's, readable by its owner alone.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deployhub.certificates.reading import (
    CertificateFacts,
    CertificateUnusable,
    certificate_load,
    certificate_read,
    is_address,
    is_loopback,
)

AUTHORITY_DAYS = 3650
SERVER_DAYS = 90
SERVER_DAYS_MOST = 397  # browsers take no longer ones
RENEW_WHEN_LEFT = 1 / 3  # of its life
CLOCKS_DIFFER = timedelta(hours=1)

_LOCAL_SUFFIXES = ("localhost", "local", "lan", "internal", "home.arpa", "test")
_LOCAL_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
    "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip
_HOST_NAME = re.compile(
    r"^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$"
)


class TlsFolder:
    """`DEPLOYHUB_HOME/tls`: the authority and the server's certificate, each with its key."""

    def __init__(self, home: Path) -> None:
        self.path = home / "tls"
        self.authority = self.path / "ca.pem"
        self.authority_key = self.path / "ca.key"
        self.server = self.path / "server.pem"
        self.server_key = self.path / "server.key"

    @property
    def is_made(self) -> bool:
        return self.server.exists() and self.server_key.exists()


def names_found(hosts: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The given names, then this machine's: its host name, the address that it reaches others by, and loopback."""
    found = [name.strip().lower().rstrip(".") for name in hosts if name.strip()]
    found += [socket.gethostname().lower(), _address_outward(), "localhost", "127.0.0.1", "::1"]
    return tuple(dict.fromkeys(name for name in found if is_address(name) or _HOST_NAME.match(name)))


def _address_outward() -> str:
    """The address of the interface that leads out; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def authority_make(folder: TlsFolder, names: tuple[str, ...]) -> CertificateFacts:
    """Make the authority anew; every client has to trust it again."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DeployHub"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"DeployHub local authority {socket.gethostname()}"[:64]),
        ]
    )
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.NameConstraints(_permitted(names), None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder.authority_key, _key_pem(key), 0o600)
    _write(folder.authority, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate_read(folder.authority)


def server_issue(folder: TlsFolder, names: tuple[str, ...], *, days: int = SERVER_DAYS) -> CertificateFacts:
    """Issue the server's certificate with a new key. Raises CertificateUnusable where the authority may not."""
    authority = certificate_load(folder.authority)
    if outside := [name for name in names if not _may_vouch(authority, name)]:
        raise CertificateUnusable(
            f"The local authority was not made for {', '.join(outside)}: make another with --new-authority, "
            "which every client then has to trust."
        )
    try:
        signer = serialization.load_pem_private_key(folder.authority_key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise CertificateUnusable(
            f"The authority's key {folder.authority_key} cannot be read: make another authority with --new-authority."
        ) from error
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise CertificateUnusable(f"{folder.authority_key} is not the key of a local authority.")
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    ends = min(now + timedelta(days=days), authority.not_valid_after_utc)
    common = next((name for name in names if not is_loopback(name)), names[0])[:64]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    # The certificate last: who watches it finds the key that fits.
    _write(folder.server_key, _key_pem(key), 0o600)
    _write(folder.server, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate_read(folder.server)


def is_due(facts: CertificateFacts, now: datetime | None = None) -> bool:
    """Whether less than a third of the certificate's life is left."""
    life = (facts.ends_at - facts.begins_at).total_seconds() / 86_400
    return facts.days_left(now) < life * RENEW_WHEN_LEFT


def server_renew(folder: TlsFolder) -> CertificateFacts:
    """The same names and the same length, with a new key."""
    old = certificate_read(folder.server)
    days = round((old.ends_at - old.begins_at).total_seconds() / 86_400)
    return server_issue(folder, old.names, days=max(1, min(days, SERVER_DAYS_MOST)))


def _permitted(names: tuple[str, ...]) -> list[x509.GeneralName]:
    """Trees of names and networks that the authority may vouch for."""
    trees: list[x509.GeneralName] = [x509.DNSName(suffix) for suffix in _LOCAL_SUFFIXES]
    trees += [x509.IPAddress(ipaddress.ip_network(network)) for network in _LOCAL_NETWORKS]
    for name in names:
        if is_address(name):
            trees.append(x509.IPAddress(ipaddress.ip_network(name)))
        elif not name.endswith(tuple(f".{suffix}" for suffix in _LOCAL_SUFFIXES)):
            trees.append(x509.DNSName(name))
    return list(dict.fromkeys(trees))


def _may_vouch(authority: x509.Certificate, name: str) -> bool:
    trees = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    if is_address(name):
        address = ipaddress.ip_address(name)
        networks = [tree.value for tree in trees if isinstance(tree, x509.IPAddress)]
        return any(
            address in network
            for network in networks
            if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
        )
    return any(
        isinstance(tree, x509.DNSName) and (name == tree.value or name.endswith(f".{tree.value}"))
        for tree in trees
    )


def _general_name(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if is_address(name) else x509.DNSName(name)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates, key_cert_sign=certificates, crl_sign=certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace the file as a whole; nobody ever sees half of it, nor a key that others can read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

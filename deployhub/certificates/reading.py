"""What a certificate says, and whether a server can use it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID


class CertificateUnusable(Exception):
    """A certificate or key that no server can use; the text is a sentence that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """The first certificate of a file. names: DNS names and addresses that it is valid for."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    sha256: str

    def days_left(self, now: datetime | None = None) -> float:
        """Days until it ends; negative once it has ended."""
        return (self.ends_at - (now or datetime.now(UTC))).total_seconds() / 86_400


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *alternatives.get_values_for_type(x509.DNSName),
        *(str(address) for address in alternatives.get_values_for_type(x509.IPAddress)),
    )


def certificate_load(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file. Raises CertificateUnusable."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except OSError as error:
        raise CertificateUnusable(f"The certificate {path} cannot be read: {error.strerror}.") from error
    except (ValueError, IndexError) as error:
        raise CertificateUnusable(f"{path} holds no certificate: a PEM file is expected.") from error


def certificate_read(path: Path) -> CertificateFacts:
    """Raises CertificateUnusable."""
    certificate = certificate_load(path)
    return CertificateFacts(
        subject=_common_name(certificate.subject),
        issuer=_common_name(certificate.issuer),
        names=names_of(certificate),
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def certificate_check(certificate_path: Path, key_path: Path) -> CertificateFacts:
    """What a server needs: a certificate that holds now, has names, and fits its key. Raises CertificateUnusable."""
    facts = certificate_read(certificate_path)
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except OSError as error:
        raise CertificateUnusable(f"The key {key_path} cannot be read: {error.strerror}.") from error
    except TypeError as error:
        raise CertificateUnusable(f"The key {key_path} has a password: give it without one.") from error
    except ValueError as error:
        raise CertificateUnusable(f"{key_path} holds no private key: a PEM file is expected.") from error
    public = certificate_load(certificate_path).public_key()
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != public.public_bytes(*form):
        raise CertificateUnusable(
            f"The key {key_path} does not belong to the certificate {certificate_path}."
        )
    now = datetime.now(UTC)
    if facts.ends_at <= now:
        raise CertificateUnusable(
            f"The certificate {certificate_path} ended on {facts.ends_at:%Y-%m-%d}: renew it and start again."
        )
    if facts.begins_at > now:
        raise CertificateUnusable(
            f"The certificate {certificate_path} begins on {facts.begins_at:%Y-%m-%d}: look at the machine's clock."
        )
    if not facts.names:
        raise CertificateUnusable(
            f"The certificate {certificate_path} names no host: browsers want a subject alternative name."
        )
    return facts


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a name or address never leaves this machine."""
    bare = host.strip("[]")
    return bare == "localhost" or (is_address(bare) and ipaddress.ip_address(bare).is_loopback)


def host_best(names: tuple[str, ...]) -> str:
    """The name that people should type: a DNS name before an address, and neither loopback nor a wildcard."""
    outward = [name for name in names if not is_loopback(name) and not name.startswith("*.")]
    chosen = next((name for name in outward if not is_address(name)), outward[0] if outward else "")
    chosen = chosen or next((name for name in names if not name.startswith("*.")), "localhost")
    return f"[{chosen}]" if ":" in chosen else chosen

"""The key that signs certificates, apart from the log's: whoever may see one signature need not trust the other."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from deployhub.audit.sealing.keys import SigningKeyError, key_file_write, key_id_of, pem_open, public_bytes
from deployhub.kernel.errors import Unavailable


def certificate_key_path() -> Path:
    return Path(settings.DEPLOYHUB_HOME) / "secrets" / "certificate_key.pem"


def certificate_key() -> Ed25519PrivateKey:
    """From DEPLOYHUB_CERTIFICATE_KEY, else the file, which is made where there is none. Raises Unavailable."""
    try:
        if settings.DEPLOYHUB_CERTIFICATE_KEY:
            return pem_open(settings.DEPLOYHUB_CERTIFICATE_KEY.encode(), "DEPLOYHUB_CERTIFICATE_KEY")
        path = certificate_key_path()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key_file_write(path, Ed25519PrivateKey.generate(), replace=False)
        return pem_open(path.read_bytes(), str(path))
    except (SigningKeyError, OSError) as error:
        raise Unavailable(
            "The key that signs certificates can't be read.",
            hint="Ask an administrator to look at secrets/certificate_key.pem, or at DEPLOYHUB_CERTIFICATE_KEY.",
            code="signing_key_unreadable",
        ) from error


def public_key_hex(key: Ed25519PrivateKey) -> tuple[str, str]:
    """Id and public half, hexadecimal."""
    public = public_bytes(key.public_key())
    return key_id_of(public), public.hex()

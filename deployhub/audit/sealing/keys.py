"""The keys of the log, none of them in the database: one that codes events, one that signs checkpoints."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SigningKeyError(Exception):
    """The signing key cannot be read; the text says which file and why."""


@lru_cache(maxsize=16)
def _mac_key(secret: str) -> tuple[str, bytes]:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"deployhub/audit-mac/v1").derive(
        secret.encode()
    )
    return hashlib.sha256(key).hexdigest()[:8], key


def mac_key() -> tuple[str, bytes]:
    """Id and key of the present code (HKDF of SECRET_KEY, RFC 5869)."""
    return _mac_key(settings.SECRET_KEY)


def mac_keys() -> dict[str, bytes]:
    """Every code key that this installation knows, by its id: the present one, and those of SECRET_KEY_FALLBACKS."""
    return dict(_mac_key(str(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id_of(public: bytes) -> str:
    """The name of a signing key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def signing_key_path() -> Path:
    return Path(settings.DEPLOYHUB_HOME) / "secrets" / "audit_key.pem"


def pem_open(pem: bytes, where: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SigningKeyError(f"{where} holds no private key in PEM form.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{where} holds a key of another kind; the log is signed with Ed25519.")
    return key


def signing_key(*, make: bool) -> Ed25519PrivateKey:
    """The key that signs checkpoints: from DEPLOYHUB_AUDIT_KEY, else the file; `make` it where there is none.

    Raises SigningKeyError.
    """
    if settings.DEPLOYHUB_AUDIT_KEY:
        return pem_open(settings.DEPLOYHUB_AUDIT_KEY.encode(), "DEPLOYHUB_AUDIT_KEY")
    path = signing_key_path()
    try:
        if make and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key_file_write(path, Ed25519PrivateKey.generate(), replace=False)
        return pem_open(path.read_bytes(), str(path))
    except OSError as error:
        raise SigningKeyError(f"The signing key {path} cannot be used: {error.strerror}.") from error


def key_file_write(path: Path, key: Ed25519PrivateKey, *, replace: bool) -> None:
    """Write a key for its owner's eyes alone, in one step. Without `replace` the first of several writers wins."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_suffix(f".{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        fresh.replace(path)
        return
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()

"""Secrets that must be readable again are sealed; secrets that need only be recognised are digested under a key.

Both keys come from SECRET_KEY, which is not in the database: a dump of the database yields no seed and no code.
SECRET_KEY_FALLBACKS keep old rows readable after the key was changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE_BYTES = 12
_VERSION = "v1"


class SealBrokenError(Exception):
    """The sealed text was changed, moved to another row, or sealed under a key that is not known any more."""


@lru_cache(maxsize=8)
def _key(secret: str, purpose: str) -> bytes:
    """A 256-bit key for one purpose (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"deployhub/{purpose}/v1".encode()).derive(
        secret.encode()
    )


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *(str(older) for older in settings.SECRET_KEY_FALLBACKS)]


def _seal(plain: bytes, *, purpose: str, context: bytes) -> str:
    """AES-256-GCM. `context` binds it to its row: a copy elsewhere does not open."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_key(settings.SECRET_KEY, purpose)).encrypt(nonce, plain, context)
    return f"{_VERSION}:{base64.b64encode(nonce + sealed).decode()}"


def _open(text: str, *, purpose: str, context: bytes) -> bytes:
    version, _, body = text.partition(":")
    if version != _VERSION:
        raise SealBrokenError(f"unknown seal {version!r}")
    raw = base64.b64decode(body)
    for secret in _secrets():
        try:
            return AESGCM(_key(secret, purpose)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context)
        except InvalidTag:
            continue
    raise SealBrokenError("what was sealed was changed, or SECRET_KEY was")


def seed_seal(seed: bytes, *, context: bytes) -> str:
    """Seal a second factor's seed for its row."""
    return _seal(seed, purpose="totp-seed", context=context)


def seed_open(text: str, *, context: bytes) -> bytes:
    """The seed. Raises SealBrokenError."""
    return _open(text, purpose="totp-seed", context=context)


def secret_seal(secret: str, *, context: bytes) -> str:
    """Seal the secret that DeployHub shows to an identity provider."""
    return _seal(secret.encode(), purpose="client-secret", context=context)


def secret_open(text: str, *, context: bytes) -> str:
    """The secret. Raises SealBrokenError."""
    return _open(text, purpose="client-secret", context=context).decode()


def code_digests(code: str, *, context: bytes) -> list[str]:
    """The digests under which a recovery code may be stored, that of the present key first (HMAC-SHA256)."""
    return [
        hmac.new(_key(secret, "recovery-code"), context + code.encode(), hashlib.sha256).hexdigest()
        for secret in _secrets()
    ]


def token_digest(token: str) -> str:
    """What is stored of an API token. A fast hash is right: the token holds 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()

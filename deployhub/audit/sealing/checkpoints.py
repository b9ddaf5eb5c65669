"""Checkpoints and statements of succession: their bodies, signatures and digests."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from deployhub.audit.sealing.form import canonical
from deployhub.audit.sealing.keys import mac_keys

CHECKPOINT = b"deployhub checkpoint v1\n"
SUCCESSION = b"deployhub key v1\n"
"""What a signature is for is signed with it: a checkpoint never passes for a succession."""


def body_text(body: dict[str, Any]) -> str:
    return canonical(body)


def body_digest(text: str) -> str:
    """Hex SHA-256 of a checkpoint's body: the next one names it."""
    return hashlib.sha256(text.encode()).hexdigest()


def body_sign(key: Ed25519PrivateKey, purpose: bytes, text: str) -> str:
    return key.sign(purpose + text.encode()).hex()


def signature_holds(public_key: str, purpose: bytes, text: str, signature: str) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), purpose + text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def leaf_code(secret: bytes, position: int, event_id: int, digest: bytes) -> bytes:
    """Binds a leaf to its place: tells which leaf of a broken tree was changed."""
    return hmac.digest(secret, b"leaf%d/%d/" % (position, event_id) + digest, "sha256")


def leaf_code_fits(position: int, event_id: int, digest: bytes, code: bytes) -> bool:
    return any(
        hmac.compare_digest(leaf_code(secret, position, event_id, digest), code)
        for secret in mac_keys().values()
    )

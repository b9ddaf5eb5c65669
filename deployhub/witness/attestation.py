"""Signed statements about files: DSSE envelopes around in-toto statements, one a line.

DSSE (github.com/secure-systems-lab/dsse) signs the type and the bytes of a payload; in-toto (in-toto.io) says what the
payload is about, by digest. Ed25519 signs. Needs `cryptography` and nothing of the server, so that a file can be
checked where it runs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
CERTIFICATE_TYPE = "urn:deployhub:certificate:v1"
PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
BOM_TYPE = "https://cyclonedx.org/bom/v1.6"
BUNDLE_MAX_BYTES = 16 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024


class AttestationError(Exception):
    """The bundle, a signature or the file does not hold; the text says what."""


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The bytes that DSSE signs: both parts with their lengths, so that neither can flow into the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def statement_make(
    *, subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]
) -> dict[str, Any]:
    """An in-toto statement. subjects: path → SHA-256, hexadecimal."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())
        ],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def envelope_sign(statement: Mapping[str, Any], *, key: Ed25519PrivateKey, key_id: str) -> dict[str, Any]:
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    signature = key.sign(pre_authentication(PAYLOAD_TYPE, payload))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }


def envelope_open(envelope: Any, keys: Iterable[bytes]) -> dict[str, Any]:
    """The statement of an envelope that one of these public keys (32 bytes each) signed. Raises AttestationError."""
    try:
        kind = envelope["payloadType"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(one["sig"], validate=True) for one in envelope["signatures"]]
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise AttestationError("A line is no DSSE envelope.") from error
    if kind != PAYLOAD_TYPE:
        raise AttestationError(f"An envelope holds {str(kind)[:80]!r}, and not an in-toto statement.")
    signed = pre_authentication(kind, payload)
    if not any(_signed_by(key, one, signed) for key in keys for one in signatures):
        raise AttestationError(
            "A signature does not hold: the statement was changed, or another key signed it."
        )
    statement = json.loads(payload)
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise AttestationError("An envelope holds no in-toto statement of version 1.")
    return statement


def _signed_by(key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def bundle_write(envelopes: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(envelope, sort_keys=True) + "\n" for envelope in envelopes)


def bundle_open(text: str, keys: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """Every statement of a bundle by its predicate type, each with a signature that holds, all of the same files.

    Raises AttestationError.
    """
    known = list(keys)
    statements: dict[str, dict[str, Any]] = {}
    for line in filter(str.strip, text.splitlines()):
        try:
            envelope = json.loads(line)
        except ValueError as error:
            raise AttestationError("A line of the certificate is no JSON.") from error
        statement = envelope_open(envelope, known)
        statements[str(statement.get("predicateType"))] = statement
    if CERTIFICATE_TYPE not in statements:
        raise AttestationError("The bundle holds no certificate of DeployHub.")
    if len({json.dumps(one.get("subject"), sort_keys=True) for one in statements.values()}) != 1:
        raise AttestationError("The statements of the bundle speak of different files.")
    return statements


def statement_subjects(statement: Mapping[str, Any]) -> dict[str, str]:
    """Path → SHA-256 of what a statement speaks of. Raises AttestationError."""
    try:
        found = {str(one["name"]): str(one["digest"]["sha256"]) for one in statement["subject"]}
    except (KeyError, TypeError) as error:
        raise AttestationError("The statement does not say which files it speaks of.") from error
    if not found:
        raise AttestationError("The statement speaks of no file.")
    return found


@dataclass(frozen=True, slots=True)
class Files:
    """What lies at a path: digests by relative path. `is_single`: one file, whose name means nothing."""

    digests: dict[str, str]
    is_single: bool


def files_at(path: Path) -> Files:
    """Digest a file, a folder, or a zip file that a download of a folder format is. Raises AttestationError."""
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if one.is_file())
        return Files({one.relative_to(path).as_posix(): _digest(one) for one in found}, is_single=False)
    if not path.is_file():
        raise AttestationError(f"{path} does not exist.")
    return Files({path.name: _digest(path)}, is_single=True)


def zip_digests(path: Path) -> dict[str, str]:
    """Digests of a zip file's entries by name. Raises AttestationError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                entry.filename: _stream_digest(archive.open(entry))
                for entry in archive.infolist()
                if not entry.is_dir()
            }
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise AttestationError(f"{path} can't be read as a zip file.") from error


def files_match(subjects: Mapping[str, str], path: Path) -> None:
    """Raise AttestationError unless exactly the files that were certified lie at `path`."""
    files = files_at(path)
    if files.is_single:
        if sorted(files.digests.values()) == sorted(subjects.values()):
            return
        if not zipfile.is_zipfile(path):
            raise AttestationError("The file is not the one that was certified: its SHA-256 differs.")
        found = zip_digests(path)
    else:
        found = files.digests
    # A folder that was unpacked may stand one step deeper or higher than when it was certified.
    if _below(found) != _below(subjects):
        changed = sorted(set(_below(found).items()) ^ set(_below(subjects).items()))
        raise AttestationError(f"The files are not those that were certified: {changed[0][0]} differs.")


def _below(digests: Mapping[str, str]) -> dict[str, str]:
    """Without the one folder that holds everything, if there is one."""
    tops = {name.partition("/")[0] for name in digests}
    if len(tops) == 1 and all("/" in name for name in digests):
        return {name.partition("/")[2]: digest for name, digest in digests.items()}
    return dict(digests)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return _stream_digest(stream)


def _stream_digest(stream: Any) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()

"""verify: a file against its signed certificate. Offline: nothing is asked of any server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from deployhub.client.failures import CommandFailed, UsageWrong
from deployhub.client.terminal import Terminal
from deployhub.witness.attestation import (
    BUNDLE_MAX_BYTES,
    CERTIFICATE_TYPE,
    AttestationError,
    bundle_open,
    files_match,
    statement_subjects,
)

SUFFIX = ".intoto.jsonl"
KEYS_VARIABLE = "DEPLOYHUB_CERTIFICATE_KEYS"


def verify_run(arguments: Any, terminal: Terminal) -> None:
    """Check signature, digests and outcome. Raises CommandFailed for whatever does not hold."""
    path = Path(arguments.file)
    keys = _keys(arguments.keys)
    try:
        statements = bundle_open(_bundle(path, arguments.certificate), keys)
        certificate = statements[CERTIFICATE_TYPE]
        files_match(statement_subjects(certificate), path)
    except AttestationError as error:
        raise CommandFailed(
            f"Not verified: {error}", hint="Don't deploy this file. Fetch file and certificate again."
        ) from error
    told = certificate["predicate"]
    if told["outcome"] != "passed" and not arguments.any_outcome:
        raise CommandFailed(
            f"The file is the one that was certified, and its certificate did not pass ({told['outcome']}): "
            f"{told['reason']}",
            hint="--any-outcome accepts it all the same.",
        )

    def text() -> None:
        source, artifact = told["source"], told["artifact"]
        terminal.line(f"{path.name}: {told['outcome']}")
        terminal.line(f"  is      {artifact['format']} {artifact['precision']}, artifact {artifact['id']}")
        terminal.line(f"  of      {source['model']} v{source['version']}")
        terminal.line(f"  signed  {told['issuedAt']}, certificate {told['certificate']['number']}")
        for name, values in sorted(told["metrics"].items()):
            terminal.line(f"  {name:<9} source {values['source']:.4f}, artifact {values['artifact']:.4f}")

    terminal.answer({"file": str(path), "outcome": told["outcome"], "certificate": certificate}, text)


def _bundle(path: Path, named: str | None) -> str:
    bundle = Path(named) if named else path.with_name(path.name.rstrip("/") + SUFFIX)
    if not bundle.is_file():
        raise UsageWrong(
            f"There is no certificate at {bundle}.",
            hint="Download it from the artifact's page, and name it with --certificate FILE.",
        )
    if bundle.stat().st_size > BUNDLE_MAX_BYTES:
        raise UsageWrong(f"{bundle} is too large to be a certificate.")
    try:
        return bundle.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageWrong(f"{bundle} is no certificate: it is not text.") from error


def _keys(given: list[str]) -> list[bytes]:
    """The keys that are trusted: those given, else those of DEPLOYHUB_CERTIFICATE_KEYS."""
    texts = given or os.environ.get(KEYS_VARIABLE, "").split()
    if not texts:
        raise UsageWrong(
            "No key is trusted yet.",
            hint=f"Give the key with --key HEX, or in {KEYS_VARIABLE}: the certificate's page shows it, and an administrator can confirm it.",
        )
    keys = []
    for text in texts:
        try:
            key = bytes.fromhex(text)
        except ValueError as error:
            raise UsageWrong(f"{text[:20]!r} is no key: 64 hexadecimal digits.") from error
        if len(key) != 32:
            raise UsageWrong(f"{text[:20]!r} is no key: 64 hexadecimal digits.")
        keys.append(key)
    return keys

"""audit: this desk as a witness of the audit log. It keeps the last checkpoint that it saw, and its key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deployhub.client import configuration
from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, UsageWrong
from deployhub.client.terminal import Terminal
from deployhub.witness.command import proof_check
from deployhub.witness.verifier import ProofError, canonical, checkpoint_check

ALARM_HINT = "Keep this desk's file as evidence and tell whoever looks after the server: Operations, When verify alarms."


def _seen_path(server: Server) -> Path:
    name = hashlib.sha256(server.account.url.encode()).hexdigest()[:16]
    return configuration.config_folder() / f"witness-{name}.json"


def audit_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    try:
        if arguments.what == "proof":
            _proof(arguments, terminal, server)
        else:
            _verify(arguments, terminal, server)
    except ProofError as error:
        raise CommandFailed(f"The audit log does not hold: {error}.", hint=ALARM_HINT) from error
    except (KeyError, TypeError, ValueError) as error:
        raise CommandFailed(
            f"The answer is no proof: {type(error).__name__} {error}.", hint=ALARM_HINT
        ) from error


def _verify(arguments: Any, terminal: Terminal, server: Server) -> None:
    latest = next(server.rows("audit-checkpoints/", limit=1), None)
    path = _seen_path(server)
    seen = json.loads(path.read_text()) if path.exists() else None
    if latest is None:
        if seen:
            raise ProofError("this desk has seen checkpoints, and the server has none")
        raise CommandFailed("Nothing was sealed yet.", hint="The first checkpoint comes when a worker runs.")
    key = arguments.key or (seen["public_key"] if seen else latest["public_key"])
    if latest["checkpoint"]["key"] != hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]:
        key = _successor(server, key, latest["checkpoint"]["key"])
    body = checkpoint_check(latest, key)
    said = f"The log of {body['size']} events was signed at {body['time']}."
    if seen:
        known = seen["checkpoint"]
        if known["size"] > body["size"]:
            raise ProofError(f"this desk knows {known['size']} events, the server has {body['size']}")
        proof = server.get(f"audit-checkpoints/{body['sequence']}/consistency/", since=known["sequence"])
        if proof["first"]["checkpoint"] != known:
            raise ProofError("the checkpoint that this desk saw was replaced: history was rewritten")
        # Its own copy of the earlier checkpoint, not the server's.
        said = proof_check({"first": seen, "second": {**latest, "public_key": key}, "path": proof["path"]})
    configuration.private_write(path, json.dumps({**latest, "public_key": key}))
    note = "" if seen or arguments.key else " The key was taken on trust: it is the first this desk has seen."
    terminal.answer(
        {
            "size": body["size"],
            "root": body["root"],
            "key": key,
            "extends": seen["checkpoint"]["size"] if seen else None,
        },
        lambda: terminal.line(said + note),
    )


def _successor(server: Server, trusted: str, wanted: str) -> str:
    """Follow the statements of succession from the trusted key to the present one."""
    for row in server.get("audit-keys/"):
        statement = row["statement"]
        if statement["previous"] != hashlib.sha256(bytes.fromhex(trusted)).hexdigest()[:16]:
            continue
        if not row["previous_signature"]:
            raise ProofError(
                f"key {row['key_id']} follows without the signature of the one before; check it, then give --key"
            )
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(trusted)).verify(
                bytes.fromhex(row["previous_signature"]), b"deployhub key v1\n" + canonical(statement)
            )
        except InvalidSignature:
            raise ProofError(f"the trusted key did not sign that {row['key_id']} succeeds it") from None
        trusted = statement["public_key"]
        if row["key_id"] == wanted:
            return trusted
    raise ProofError("the log is signed with a key that the trusted one does not vouch for")


def _proof(arguments: Any, terminal: Terminal, server: Server) -> None:
    if arguments.event is None:
        raise UsageWrong(
            "The event's id is missing.", hint="Find it in the audit log: `deployhub audit proof 4711`."
        )
    proof = server.get(f"audit-proofs/{arguments.event}/")
    said = proof_check(proof, arguments.key)
    if arguments.output:
        Path(arguments.output).write_text(json.dumps(proof, indent=2, ensure_ascii=False) + "\n")
        said += f" The proof is in {arguments.output}."
    terminal.answer(proof, lambda: terminal.line(said))

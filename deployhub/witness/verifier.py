"""deployhub-audit-verify: check a proof of the DeployHub audit log. This one file is all; it needs `cryptography`.

    deployhub-audit-verify proof.json [--key PUBLIC_KEY_HEX]        one event, to a signed checkpoint
    deployhub-audit-verify consistency.json [--key …]               a later checkpoint extends an earlier one

Without --key it believes the key that the proof brings, and says so: get the key's hex by another way.
"""

import argparse
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class ProofError(Exception):
    """The proof does not hold; the text says where."""


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def leaf_digest(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_digest(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of_inclusion(index, size, digest, path):
    """RFC 9162, 2.1.3.2: the root that follows from a leaf's digest, its place and its path."""
    if not 0 <= index < size:
        raise ProofError("the event's place lies outside the tree")
    last = size - 1
    for sibling in path:
        if last == 0:
            raise ProofError("the path is too long")
        if index % 2 or index == last:
            digest = node_digest(sibling, digest)
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            digest = node_digest(digest, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise ProofError("the path is too short")
    return digest


def roots_of_consistency(first, second, first_root, path):
    """RFC 9162, 2.1.4.2: the two roots that follow from a consistency path between two sizes."""
    if not 0 < first <= second:
        raise ProofError("the earlier checkpoint is not the smaller one")
    if first == second:
        if path:
            raise ProofError("the path is too long")
        return first_root, first_root
    path = list(path) if first & (first - 1) else [first_root, *path]
    if not path:
        raise ProofError("the path is too short")
    index, last = first - 1, second - 1
    while index % 2:
        index, last = index >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the path is too long")
        if index % 2 or index == last:
            old, new = node_digest(sibling, old), node_digest(sibling, new)
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_digest(new, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise ProofError("the path is too short")
    return old, new


def checkpoint_check(signed, public_key):
    """The checkpoint's body, once its signature holds under the key (hex)."""
    body = signed["checkpoint"]
    key = bytes.fromhex(public_key)
    if body["key"] != hashlib.sha256(key).hexdigest()[:16]:
        raise ProofError("the checkpoint was signed with another key")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            bytes.fromhex(signed["signature"]), b"deployhub checkpoint v1\n" + canonical(body)
        )
    except InvalidSignature:
        raise ProofError("the checkpoint's signature does not hold") from None
    return body


def proof_check(proof, public_key=None):
    """What a proof shows, in one sentence. Raises ProofError; KeyError, TypeError or ValueError for what is no proof."""
    if "leaf" in proof:
        body = checkpoint_check(proof["signed"], public_key or proof["signed"]["public_key"])
        path = [bytes.fromhex(digest) for digest in proof["path"]]
        leaf = leaf_digest(canonical(proof["leaf"]))
        if root_of_inclusion(proof["index"], body["size"], leaf, path).hex() != body["root"]:
            raise ProofError("the event is not in the tree that the checkpoint signs")
        for part, digest in (("actor", "personal_digest"), ("subject", "subject_digest")):
            told = proof.get("personal", {}).get(part)
            salted = told and bytes.fromhex(told["salt"]) + canonical(told["fields"])
            if told and hashlib.sha256(salted).hexdigest() != proof["leaf"]["event"][digest]:
                raise ProofError(f"what the proof tells of the {part} is not what was sealed")
        return f"Event {proof['leaf']['id']} is number {proof['index']} of {body['size']} in the log signed at {body['time']}."
    first, second = (
        checkpoint_check(proof[name], public_key or proof[name]["public_key"]) for name in ("first", "second")
    )
    path = [bytes.fromhex(digest) for digest in proof["path"]]
    old, new = roots_of_consistency(first["size"], second["size"], bytes.fromhex(first["root"]), path)
    if old.hex() != first["root"] or new.hex() != second["root"] or first["log"] != second["log"]:
        raise ProofError("the later checkpoint does not contain the earlier one: history was rewritten")
    return f"The log of {second['size']} events extends the log of {first['size']} events."


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="deployhub-audit-verify", description="Check a proof of the DeployHub audit log."
    )
    parser.add_argument(
        "proof", type=argparse.FileType("rb"), help="a proof as JSON, or - for standard input"
    )
    parser.add_argument("--key", help="the log's public key in hex, had by another way than the proof")
    given = parser.parse_args(arguments)
    try:
        print(proof_check(json.load(given.proof), given.key))
    except ProofError as error:
        print(f"Refused: {error}.", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        print(f"This is no proof: {type(error).__name__} {error}.", file=sys.stderr)
        return 2
    if not given.key:
        print("Note: the key came with the proof. Give --key with what you had by another way.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

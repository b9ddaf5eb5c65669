"""Check that an event is in a DeployHub audit log. This file is all that one has to read; it needs `cryptography`.

    python verifier.py proof.json PUBLIC_KEY_HEX

Get the public key by another way than the proof: at Audit log, Seal, or from whoever looks after the server.
"""

import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class ProofError(Exception):
    """The proof does not hold; the text says where."""


def demand(holds, otherwise):
    if not holds:
        raise ProofError(otherwise)


def canonical(value):
    """The bytes that are sealed and signed: JSON with sorted keys and no blanks."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def node_digest(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of_inclusion(index, size, digest, path):
    """The root of the Merkle tree (RFC 9162, 2.1) in which `digest` is leaf `index` of `size`, beside `path`."""
    demand(0 <= index < size < 2**64, "the event's place lies outside the tree")
    if size == 1:
        demand(not path, "the path is too long")
        return digest
    demand(path, "the path is too short")
    *below, sibling = path
    left = 1 << (size - 1).bit_length() - 1  # leaves on the left: the largest power of two below `size`
    if index < left:
        return node_digest(root_of_inclusion(index, left, digest, below), sibling)
    return node_digest(sibling, root_of_inclusion(index - left, size - left, digest, below))


def checkpoint_check(signed, public_key):
    """The checkpoint's body, once its signature holds under the key (hex)."""
    body, key = signed["checkpoint"], bytes.fromhex(public_key)
    demand(body["key"] == hashlib.sha256(key).hexdigest()[:16], "the checkpoint was signed with another key")
    message = b"deployhub checkpoint v1\n" + canonical(body)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signed["signature"]), message)
    except InvalidSignature:
        raise ProofError("the checkpoint's signature does not hold") from None
    return body


def event_check(proof, public_key):
    """What the proof of one event shows, in one sentence. Raises ProofError."""
    body, leaf = checkpoint_check(proof["signed"], public_key), proof["leaf"]
    digest = hashlib.sha256(b"\0" + canonical(leaf)).digest()
    path = [bytes.fromhex(sibling) for sibling in proof["path"]]
    root = root_of_inclusion(proof["index"], body["size"], digest, path)
    demand(root.hex() == body["root"], "the event is not in the tree that the checkpoint signs")
    for part, told in proof.get("personal", {}).items():  # names and addresses, which can be erased
        salted = bytes.fromhex(told["salt"]) + canonical(told["fields"])
        sealed = leaf["event"][{"actor": "personal_digest", "subject": "subject_digest"}[part]]
        same = hashlib.sha256(salted).hexdigest() == sealed
        demand(same, f"what the proof tells of the {part} is not what was sealed")
    place = f"number {proof['index']} of {body['size']}"
    return f"Event {leaf['id']} is {place} in the log signed at {body['time']}."


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as given:
        print(event_check(json.load(given), sys.argv[2]))

"""Check that a later checkpoint of the audit log extends an earlier one. Like the verifier, it needs no Django."""

from deployhub.witness.verifier import checkpoint_check, demand, node_digest


def roots_of_consistency(first, second, first_root, path, *, whole=True):
    """The two roots that follow from a consistency path between two sizes (RFC 6962, 2.1.2).

    first_root: what is known of the earlier tree; it stands for the first leaves as long as they are the `whole` of it.
    """
    demand(0 < first <= second < 2**64, "the earlier checkpoint is not the smaller one")
    if first == second:
        demand(len(path) <= (not whole), "the path is too long")
        demand(path or whole, "the path is too short")
        return (first_root, first_root) if whole else (path[0], path[0])
    demand(path, "the path is too short")
    *below, sibling = path
    left = 1 << (second - 1).bit_length() - 1
    if first <= left:
        old, new = roots_of_consistency(first, left, first_root, below, whole=whole)
        return old, node_digest(new, sibling)
    old, new = roots_of_consistency(first - left, second - left, first_root, below, whole=False)
    return node_digest(sibling, old), node_digest(sibling, new)


def history_check(proof, public_key):
    """What a consistency proof shows, in one sentence. public_key: hex; None: those that the proof brings."""
    first, second = (
        checkpoint_check(proof[name], public_key or proof[name]["public_key"]) for name in ("first", "second")
    )
    path = [bytes.fromhex(digest) for digest in proof["path"]]
    old, new = roots_of_consistency(first["size"], second["size"], bytes.fromhex(first["root"]), path)
    demand(
        (old.hex(), new.hex(), first["log"]) == (first["root"], second["root"], second["log"]),
        "the later checkpoint does not contain the earlier one: history was rewritten",
    )
    return f"The log of {second['size']} events extends the log of {first['size']} events."

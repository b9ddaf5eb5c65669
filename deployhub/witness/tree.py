"""A growing Merkle tree (RFC 6962): the digests that the sealer appends to, and the paths that prove.

A tree of n leaves consists of complete subtrees, one for each binary digit of n; their roots, largest first, are its
*frontier*. Appending touches the frontier alone. Paths are made from complete subtrees, which the caller looks up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

STORED_LEVELS = 8
"""Roots of subtrees are kept at every eighth level: of 256, 65,536, … leaves."""

Subtree = Callable[[int, int], bytes]
"""(level, position) → root of the complete subtree over leaves position·2^level …"""


def node_digest(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_digest(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


class Frontier:
    """A tree that grows leaf by leaf and remembers its frontier alone."""

    def __init__(self, size: int = 0, digests: list[bytes] | None = None) -> None:
        self.size = size
        self.digests = list(digests or [])
        if len(self.digests) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees")

    def append(self, digest: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add a leaf; yields (level, position, root) of each subtree that it completes and that is to be kept."""
        size, level = self.size, 0
        while size & 1:
            digest = hashlib.sha256(b"\x01" + self.digests.pop() + digest).digest()
            size >>= 1
            level += 1
            if level % STORED_LEVELS == 0:
                yield level, size, digest
        self.digests.append(digest)
        self.size += 1

    def root(self) -> bytes:
        """The root; of an empty tree the digest of nothing."""
        if not self.digests:
            return hashlib.sha256(b"").digest()
        digest = self.digests[-1]
        for left in reversed(self.digests[:-1]):
            digest = node_digest(left, digest)
        return digest


def fold(digests: list[bytes]) -> bytes:
    """The root of a complete subtree from its leaves, or from the roots of equal parts of it."""
    while len(digests) > 1:
        digests = [node_digest(digests[i], digests[i + 1]) for i in range(0, len(digests), 2)]
    return digests[0]


def _range_digest(first: int, size: int, subtree: Subtree) -> bytes:
    """The root over `size` leaves from `first` on, which is where such a tree would begin (a multiple)."""
    parts, level = [], size.bit_length() - 1
    while size:
        if size >> level & 1:
            parts.append(subtree(level, first >> level))
            first += 1 << level
            size -= 1 << level
        level -= 1
    digest = parts[-1]
    for left in reversed(parts[:-1]):
        digest = node_digest(left, digest)
    return digest


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Siblings from the leaf up to the root (RFC 6962, 2.1.1)."""
    path, first = [], 0
    while size > 1:
        left = _split(size)
        if index < left:
            path.append(_range_digest(first + left, size - left, subtree))
            size = left
        else:
            path.append(_range_digest(first, left, subtree))
            first, index, size = first + left, index - left, size - left
    return path[::-1]


def consistency_path(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """What shows that the tree of `size` leaves begins with the tree of `old` leaves (RFC 6962, 2.1.2)."""
    path, first, whole = [], 0, True
    while old != size:
        left = _split(size)
        if old <= left:
            path.append(_range_digest(first + left, size - left, subtree))
            size = left
        else:
            path.append(_range_digest(first, left, subtree))
            first, old, size, whole = first + left, old - left, size - left, False
    if not whole:
        path.append(_range_digest(first, size, subtree))
    return path[::-1]

"""Which images are the same, or nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

FINGERPRINT_BITS = 128
BAND_BITS = 16
DIFFERENCE_MAX = 6
"""Of 128 bits. Fewer than there are bands, so two alike fingerprints agree in at least one whole band."""
BUCKET_MAX = 200
"""Images of one bucket that are compared: a thousand empty pictures must not cost a million comparisons."""


def identical(digests: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs (first, later) of equal digests: each repetition with its first occurrence."""
    first: dict[str, int] = {}
    for at, digest in enumerate(digests):
        if digest and (known := first.setdefault(digest, at)) != at:
            yield known, at


def nearly_identical(fingerprints: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) whose fingerprints differ in at most DIFFERENCE_MAX bits, each image once as the later."""
    bands = FINGERPRINT_BITS // BAND_BITS
    buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for at, fingerprint in enumerate(fingerprints):
        if fingerprint is None:
            continue
        keys = [(band, fingerprint >> (band * BAND_BITS) & (1 << BAND_BITS) - 1) for band in range(bands)]
        match = _match(fingerprint, fingerprints, (other for key in keys for other in buckets[key]))
        if match is not None:
            yield match, at
        for key in keys:
            if len(buckets[key]) < BUCKET_MAX:
                buckets[key].append(at)


def _match(fingerprint: int, fingerprints: Sequence[int | None], candidates: Iterator[int]) -> int | None:
    for other in candidates:
        known = fingerprints[other]
        if known is not None and (known ^ fingerprint).bit_count() <= DIFFERENCE_MAX:
            return other
    return None

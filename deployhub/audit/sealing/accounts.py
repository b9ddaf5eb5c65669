"""Ranges of event ids, as the events that account for an erasure or a pruning tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


def id_ranges(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending ids as closed ranges: 1, 2, 3, 7 → (1, 3), (7, 7)."""
    found: list[tuple[int, int]] = []
    for number in ids:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def ranges_text(ranges: Iterable[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def ranges_read(text: str) -> Iterator[tuple[int, int]]:
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        yield int(first), int(last or first)

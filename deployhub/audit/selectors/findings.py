"""What a verification finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

FINDINGS_KEPT = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed. `order` sorts findings by the place in the log where they begin."""

    order: int
    event_id: int | None
    text: str


@dataclass(slots=True)
class Verification:
    events: int = 0
    pruned: int = 0
    erased: int = 0
    checkpoints: int = 0
    copies: int = 0
    unsealed: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.finding_count

    @property
    def first(self) -> Finding | None:
        """The finding that begins first in the log, those that name an event before those that do not."""
        return min(self.findings, key=lambda f: (f.event_id is None, f.order), default=None)


class Ids:
    """Ids as ranges: what was erased or is gone, and what is accounted for."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []

    def add(self, first: int, last: int) -> None:
        if self.ranges and self.ranges[-1][1] + 1 == first:
            self.ranges[-1] = (self.ranges[-1][0], last)
        else:
            self.ranges.append((first, last))

    def without(self, other: Ids) -> Iterator[int]:
        """Ids of these that are in none of the other's ranges, ascending."""
        known, at = sorted(other.ranges), 0
        for first, last in sorted(self.ranges):
            number = first
            while number <= last:
                while at < len(known) and known[at][1] < number:
                    at += 1
                if at < len(known) and known[at][0] <= number:
                    number = known[at][1] + 1
                else:
                    yield number
                    number += 1

"""The seam of a check: what one file in `deployhub/engine/checks` declares and does, and how all are found."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployhub.engine.plugin import Format, Images, NamedOutput
    from deployhub.engine.source import SourceModel
    from deployhub.engine.spec import CheckLine

    Floats = NDArray[np.float64]

ENTRY_POINT_GROUP = "deployhub.checks"


@dataclass
class Seen:
    """What one side sees in one image, best score first, in pixels of the model's input.

    boxes: (n, 4) corners; for rotated boxes (n, 5) centre x, y, width, height, angle in radians. scores, classes: (n,).
    masks: (n, h, w) at a quarter of the input's size. keypoints: (n, k, 2 or 3). For classification scores alone: one for
    each class.
    """

    scores: Floats
    boxes: Floats | None = None
    classes: Floats | None = None
    masks: Any = None
    keypoints: Any = None

    def above(self, threshold: float) -> Seen:
        keep = self.scores >= threshold
        return Seen(
            self.scores[keep],
            None if self.boxes is None else self.boxes[keep],
            None if self.classes is None else self.classes[keep],
            None if self.masks is None else self.masks[keep],
            None if self.keypoints is None else self.keypoints[keep],
        )


@dataclass
class Truth:
    """The labels of one image, in pixels of the model's input; shapes as in Seen. top: the class of the whole image."""

    classes: Floats
    boxes: Floats
    masks: Any = None
    keypoints: Any = None
    top: int | None = None


@dataclass
class Shown:
    """One image and what both sides made of it. truth: None for a drawn image."""

    index: int
    name: str
    source: Seen
    artifact: Seen
    truth: Truth | None
    badness: float = 0.0


@dataclass
class Bench:
    """What all checks of one certificate share."""

    source: SourceModel
    format: Format
    options: Any
    artifact: Path
    budget: Mapping[str, float]
    has_truth: bool
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    load_ms: float = 0.0

    @property
    def task(self) -> str:
        return self.source.task or ""

    @property
    def head(self) -> str:
        return self.source.head(self.options)

    def line(
        self,
        check: str,
        name: str,
        value: float | None,
        *,
        budget: str = "",
        unit: str = "",
        detail: str = "",
        holds: bool | None = None,
    ) -> CheckLine:
        """A line, judged by the budget's limit of this name if it has one. `holds` is for a yes or no without a number."""
        from deployhub.engine.checks.budget import DIRECTIONS

        limit = self.budget.get(budget) if budget else None
        direction: Any = DIRECTIONS[budget] if limit is not None else ""
        if limit is not None:
            holds = value is not None and (value <= limit if direction == "at most" else value >= limit)
        return {
            "check": check,  # type: ignore[typeddict-item]
            "name": name,
            "value": value,
            "unit": unit,
            "limit": limit,
            "direction": direction,
            "holds": holds,
            "detail": detail,
            "budget": budget if limit is not None else "",
        }


class Check(ABC):
    """One check of one certificate. It hears of every batch and every image once, then tells its lines."""

    key: ClassVar[str]
    order: ClassVar[int]

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def outputs_hear(self, expected: list[NamedOutput], found: list[NamedOutput], images: Images) -> None:  # noqa: B027 - most checks hear images alone
        """The outputs of one batch: of the source, and of the artifact."""

    def image_hear(self, shown: Shown) -> None:  # noqa: B027 - some look at the file alone
        """One image; a check that measures how far apart the sides are raises `shown.badness` (0 to 1)."""

    @abstractmethod
    def lines(self) -> list[CheckLine]:
        """What was found."""

    def metrics(self) -> dict[str, dict[str, float]]:
        """Task metrics, for the one check that measures them."""
        return {}

    def unproven(self) -> str:
        """Why what was measured proves nothing, as a sentence; empty when it does."""
        return ""


def checks_discover() -> list[type[Check]]:
    """Every check of `deployhub/engine/checks` and of the entry points, in their order; the first of a key wins."""
    found: dict[str, type[Check]] = {}
    for made in (*_built_in(), *_entry_points()):
        found.setdefault(made.key, made)
    return sorted(found.values(), key=lambda made: (made.order, made.key))


def _built_in() -> Iterator[type[Check]]:
    from deployhub.engine import checks

    for module in pkgutil.iter_modules(checks.__path__):
        made = getattr(importlib.import_module(f"{checks.__name__}.{module.name}"), "CHECK", None)
        if made is not None:
            yield made


def _entry_points() -> Iterator[type[Check]]:
    for entry_point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        yield entry_point.load()

"""Average precision of source and artifact on the same images, and how sure its difference is.

The point figures are Ultralytics' own (utils/metrics.py: ap_per_class). The interval is a paired bootstrap over images
(Efron and Tibshirani 1993, §8): the same draw of images for both sides, so that what is hard in an image is hard for
both and falls out of the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployhub.engine.checking import Floats

THRESHOLDS = 10
RESAMPLES = 1_000
RESAMPLED_AT_ONCE = 100
BOOTSTRAP_DETECTIONS = 100
"""Detections of an image that the bootstrap looks at, best first (as COCO counts them): the rest scores next to nothing."""


@dataclass
class Tally:
    """Detections of one side over all images. tp: (n, 10), whether each is right at IoU 0.5 to 0.95."""

    tp: list[Any] = field(default_factory=list)
    scores: list[Any] = field(default_factory=list)
    classes: list[Any] = field(default_factory=list)
    images: list[Any] = field(default_factory=list)

    def add(self, index: int, tp: Any, scores: Any, classes: Any) -> None:
        import numpy as np

        self.tp.append(tp)
        self.scores.append(scores)
        self.classes.append(classes)
        self.images.append(np.full(len(scores), index))

    def joined(self) -> tuple[Any, Any, Any, Any]:
        import numpy as np

        if not self.tp:
            return np.zeros((0, THRESHOLDS), bool), np.zeros(0), np.zeros(0), np.zeros(0, int)
        return (
            np.concatenate(self.tp).astype(bool),
            np.concatenate(self.scores),
            np.concatenate(self.classes),
            np.concatenate(self.images).astype(int),
        )


def right_ones(overlap: Floats, seen_classes: Any, true_classes: Any) -> NDArray[np.bool_]:
    """(n, 10): which detections (columns of `overlap`, best score first) are right at each threshold, as `yolo val` says."""
    from types import SimpleNamespace

    import numpy as np
    import torch
    from ultralytics.engine.validator import BaseValidator

    if not overlap.size:
        return np.zeros((len(seen_classes), THRESHOLDS), dtype=bool)
    judge: Any = SimpleNamespace(iouv=torch.linspace(0.5, 0.95, THRESHOLDS))
    return BaseValidator.match_predictions(  # type: ignore[no-any-return]
        judge, torch.from_numpy(seen_classes), torch.from_numpy(true_classes), torch.from_numpy(overlap)
    ).numpy()


def average_precision(tally: Tally, true_classes: Any) -> tuple[float, float]:
    """mAP50-95 and mAP50 over all classes that are labelled."""
    from ultralytics.utils.metrics import ap_per_class

    tp, scores, classes, _ = tally.joined()
    if not len(true_classes) or not len(tp):
        return 0.0, 0.0
    precision = ap_per_class(tp, scores, classes, true_classes)[5]
    return float(precision.mean()), float(precision[:, 0].mean())


def difference_interval(
    source: Tally, artifact: Tally, counts: Any, *, seed: int
) -> dict[str, tuple[float, float]]:
    """95 % intervals of artifact - source, for map50_95 and map50. counts: (images, classes) labels of each image."""
    import numpy as np

    generator = np.random.default_rng(seed)
    images = len(counts)
    sides = [_sorted_by_class(side, counts.shape[1]) for side in (source, artifact)]
    found: list[Any] = []
    for begun in range(0, RESAMPLES, RESAMPLED_AT_ONCE):
        draws = min(RESAMPLED_AT_ONCE, RESAMPLES - begun)
        weights = generator.multinomial(images, np.full(images, 1 / images), size=draws).astype(np.float32)
        labels = weights @ counts.astype(np.float32)
        first, second = (_resampled(side, weights, labels) for side in sides)
        found.append(second - first)
    difference = np.concatenate(found, axis=1)
    low, high = np.nanpercentile(difference, [2.5, 97.5], axis=1)
    return {"map50_95": (float(low[0]), float(high[0])), "map50": (float(low[1]), float(high[1]))}


def _sorted_by_class(tally: Tally, classes: int) -> list[tuple[Any, Any]]:
    """For each class: tp and image of its detections, best score first, up to the last that is right at all."""
    import numpy as np

    tp, scores, of_class, images = tally.joined()
    keep = np.ones(len(scores), dtype=bool)
    for index in np.unique(images):
        at = np.flatnonzero(images == index)
        keep[at[np.argsort(-scores[at], kind="stable")[BOOTSTRAP_DETECTIONS:]]] = False
    made = []
    for number in range(classes):
        at = np.flatnonzero(keep & (of_class == number))
        at = at[np.argsort(-scores[at], kind="stable")]
        right = np.flatnonzero(tp[at, 0])
        at = (
            at[: right[-1] + 1] if len(right) else at[:0]
        )  # a wrong one behind the last right one costs nothing
        made.append((tp[at].astype(np.float32), images[at]))
    return made


def _resampled(side: list[tuple[Any, Any]], weights: Any, labels: Any) -> Any:
    """(2, draws): mAP50-95 and mAP50 of each draw of images."""
    import numpy as np

    draws = len(weights)
    total = np.zeros((2, draws))
    present = np.zeros(draws)
    for number, (tp, images) in enumerate(side):
        known = labels[:, number] > 0
        present += known
        if not len(tp):
            continue
        weight = weights[:, images]
        seen = weight.cumsum(axis=1)
        each = np.zeros((THRESHOLDS, draws))
        for threshold in range(THRESHOLDS):
            right = weight * tp[:, threshold]
            precision = right.cumsum(axis=1) / np.maximum(seen, 1e-9)
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            each[threshold] = (right * envelope).sum(axis=1)
        each = np.where(known, each / np.maximum(labels[:, number], 1e-9), 0.0)
        total += np.stack([each.mean(axis=0), each[0]])
    return total / np.where(present > 0, present, np.nan)

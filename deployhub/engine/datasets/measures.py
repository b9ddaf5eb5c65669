"""What a dataset looks like in numbers: classes, boxes, sizes, splits, and the reference profile for drift.

The reference profile describes the images as a camera would deliver them, so that images of another day can be
compared with it. All of it is measured on the upright image in RGB, reduced by area averages until its longer side is
256 px (images smaller than that as they are). Luma is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Version 1:

- `channels`: for red, green, blue the mean and the standard deviation over all pixels, each image weighing the same;
  unit: fraction of the full scale, 0..1.
- `brightness`: mean luma of each image, 0..1; 32 bins of equal width over 0..1.
- `contrast`: standard deviation of the luma of each image, 0..0.5; 32 bins over 0..0.5.
- `sharpness`: log10(1 + variance of the 4-neighbour Laplacian of the luma in 0..255), no unit; 32 bins over 0..5.
- `aspect`: log2(width / height) of the original image, no unit; 32 bins over -2..2.
- `box_size`: square root of a box's share of the image's area, 0..1; 32 bins over 0..1.
- `objects`: objects in each image; 51 bins, one for each number 0..49, the last for 50 and more.
- `classes`: the share of each class among all objects (images, for classify), in the order of the names.

Every histogram is {"low", "high", "counts", "mean", "std"}; counts are whole numbers, values beyond an end are counted
in the end's bin, and mean and std are of the values themselves. A change of any of this is a new `version`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deployhub.engine.datasets.layout import DatasetEntry, DatasetLayout, boxes_of
from deployhub.engine.datasets.pictures import Picture

PROFILE_VERSION = 1
BINS = 32
OBJECT_BINS = 51
LUMA = np.array([0.299, 0.587, 0.114])
GRID = 16
SIZES_LISTED = 12
RANGES = {
    "brightness": (0.0, 1.0), "contrast": (0.0, 0.5), "sharpness": (0.0, 5.0), "aspect": (-2.0, 2.0), "box_size": (0.0, 1.0),
}  # fmt: skip
BOX_ASPECT_RANGE = (-4.0, 4.0)
Floats = npt.NDArray[np.float64]


def histogram(values: Sequence[float] | Floats, low: float, high: float, bins: int = BINS) -> dict[str, Any]:
    """Fixed bins of equal width; values beyond an end are counted in the end's bin."""
    given = np.asarray(values, dtype=np.float64)
    inside = np.clip(given, low, np.nextafter(high, low))
    counts, _edges = np.histogram(inside, bins=bins, range=(low, high))
    return {
        "low": low,
        "high": high,
        "counts": [int(count) for count in counts],
        "mean": _rounded(given.mean()) if given.size else None,
        "std": _rounded(given.std()) if given.size else None,
    }


def _rounded(value: Any) -> float:
    return round(float(value), 6)


class Measures:
    """Takes the images one by one, then says what they are like together."""

    def __init__(self, layout: DatasetLayout) -> None:
        self._layout = layout
        self._channels: list[tuple[Floats, Floats]] = []
        self._values: dict[str, list[float]] = {
            "brightness": [],
            "contrast": [],
            "sharpness": [],
            "aspect": [],
        }
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._forms: Counter[str] = Counter()

    def add(self, picture: Picture) -> None:
        """Measure one image."""
        pixels = picture.reduced.astype(np.float64)
        flat = pixels.reshape(-1, 3) / 255
        self._channels.append((flat.mean(axis=0), (flat**2).mean(axis=0)))
        luma = pixels @ LUMA
        self._values["brightness"].append(float(luma.mean() / 255))
        self._values["contrast"].append(float(luma.std() / 255))
        self._values["sharpness"].append(_sharpness(luma))
        self._values["aspect"].append(float(np.log2(picture.width_px / picture.height_px)))
        self._sizes[picture.width_px, picture.height_px] += 1
        self._forms[picture.form] += 1

    def profile(self) -> dict[str, Any]:
        """The reference profile; see the module's description."""
        boxes, per_image = self._boxes()
        described: dict[str, Any] = {"version": PROFILE_VERSION, "images": len(self._channels)}
        if self._channels:
            mean = np.mean([first for first, _ in self._channels], axis=0)
            square = np.mean([second for _, second in self._channels], axis=0)
            std = np.sqrt(np.maximum(square - mean**2, 0))
            described["channels"] = {
                "mean": [_rounded(value) for value in mean], "std": [_rounded(value) for value in std],
            }  # fmt: skip
        for name, values in self._values.items():
            described[name] = histogram(values, *RANGES[name])
        described["box_size"] = histogram(_box_sizes(boxes), *RANGES["box_size"])
        described["objects"] = histogram(per_image, 0, OBJECT_BINS, OBJECT_BINS)
        counts = self._class_counts(boxes)
        total = max(int(counts.sum()), 1)
        described["classes"] = [_rounded(count / total) for count in counts]
        return described

    def statistics(self) -> dict[str, Any]:
        """Class, box, size and split statistics, for people."""
        boxes, per_image = self._boxes()
        entries = self._layout.entries
        counts = self._class_counts(boxes)
        images: Counter[int] = Counter()
        for entry in entries:
            images.update(
                {int(row[0]) for row in entry.rows} if entry.class_index is None else {entry.class_index}
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            aspects = np.log2(boxes[:, 3] / boxes[:, 4])
        return {
            "images": len(entries),
            "labels": sum(1 for entry in entries if entry.label),
            "objects": int(counts.sum()),
            "classes": [
                {"name": name, "objects": int(counts[at]), "images": images[at]}
                for at, name in enumerate(self._layout.class_names)
            ],
            "splits": self._splits(),
            "objects_per_image": histogram(per_image, 0, OBJECT_BINS, OBJECT_BINS),
            "box_size": histogram(_box_sizes(boxes), *RANGES["box_size"]),
            "box_aspect": histogram(aspects[np.isfinite(aspects)], *BOX_ASPECT_RANGE),
            "box_position": _positions(boxes),
            "image_sizes": [
                {"width_px": width, "height_px": height, "images": number}
                for (width, height), number in self._sizes.most_common(SIZES_LISTED)
            ],
            "image_sizes_distinct": len(self._sizes),
            "formats": dict(self._forms.most_common()),
        }

    def _boxes(self) -> tuple[Floats, list[int]]:
        found = [boxes_of(entry, self._layout.task) for entry in self._layout.entries]
        return (np.concatenate(found) if found else np.zeros((0, 5))), [len(rows) for rows in found]

    def _class_counts(self, boxes: Floats) -> npt.NDArray[np.int64]:
        number = len(self._layout.class_names)
        if self._layout.task == "classify":
            indices = np.array(
                [entry.class_index for entry in self._layout.entries if entry.class_index is not None],
                dtype=np.int64,
            )
        else:
            indices = boxes[:, 0].astype(np.int64)
        return np.bincount(indices[indices < number], minlength=number)

    def _splits(self) -> list[dict[str, Any]]:
        by_split: dict[str, list[DatasetEntry]] = {}
        for entry in self._layout.entries:
            by_split.setdefault(entry.split, []).append(entry)
        return [
            {
                "split": split,
                "images": len(entries),
                "labelled": sum(1 for entry in entries if entry.rows or entry.class_index is not None),
                "objects": sum(len(entry.rows) for entry in entries),
            }
            for split, entries in sorted(by_split.items())
        ]


def _sharpness(luma: Floats) -> float:
    if min(luma.shape) < 3:
        return 0.0
    centre = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * centre
    return float(np.log10(1 + laplacian.var()))


def _box_sizes(boxes: Floats) -> Floats:
    return np.sqrt(np.maximum(boxes[:, 3] * boxes[:, 4], 0))


def _positions(boxes: Floats) -> list[list[int]]:
    """How many box centres lie in each cell of a grid over the image, from the top left."""
    if not len(boxes):
        return [[0] * GRID for _ in range(GRID)]
    counts, _, _ = np.histogram2d(
        np.clip(boxes[:, 2], 0, 1), np.clip(boxes[:, 1], 0, 1), bins=GRID, range=[[0, 1], [0, 1]]
    )
    return [[int(count) for count in row] for row in counts]

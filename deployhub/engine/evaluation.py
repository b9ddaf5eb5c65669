"""The pictures that a certificate is measured on: of an evaluation set, or drawn. One preprocessing for both sides."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.checking import Truth
from deployhub.engine.spec import EngineError, ErrorCode

if TYPE_CHECKING:
    from deployhub.engine.datasets.layout import DatasetEntry, DatasetLayout
    from deployhub.engine.plugin import Images

PADDING = 114
PIXELS_MAX = 100_000_000
"""A picture with more is refused by the check of a dataset already."""
MASK_RATIO = 4
OUTLINE_POINTS = 1_000
EVALUATED_SPLITS = ("val", "test", "")
"""Accuracy is measured on images that the model was not trained on, where the set tells them apart."""


@dataclass
class Picture:
    """One input: pixels (C, H, W), RGB, float32 in 0..1, as both sides are given it."""

    name: str
    pixels: Images
    truth: Truth | None = None


class EvaluationSet:
    """The images of a dataset's zip, letterboxed to the input of the model."""

    def __init__(
        self, archive: Path, *, task: str, height: int, width: int, channels: int, limit: int
    ) -> None:
        from deployhub.engine.datasets.layout import layout_read

        self.layout: DatasetLayout = layout_read(archive)
        if self.layout.task != task:
            raise EngineError(
                ErrorCode.INVALID_OPTIONS,
                f"The evaluation set is made for the task {self.layout.task}, the model for {task}.",
                "Choose an evaluation set of the model's own task.",
            )
        entries = self.layout.entries
        for split in EVALUATED_SPLITS:
            chosen = [entry for entry in entries if entry.split == split]
            if chosen:
                entries = tuple(chosen)
                break
        self.entries = sorted(entries, key=lambda entry: entry.image)[:limit]
        self._archive, self._task = archive, task
        self._height, self._width, self._channels = height, width, channels

    def __len__(self) -> int:
        return len(self.entries)

    def pictures(self) -> Iterator[Picture]:
        with zipfile.ZipFile(self._archive) as archive:
            for entry in self.entries:
                yield self._picture(archive, entry)

    def picture(self, index: int) -> Picture:
        with zipfile.ZipFile(self._archive) as archive:
            return self._picture(archive, self.entries[index])

    def _picture(self, archive: zipfile.ZipFile, entry: DatasetEntry) -> Picture:
        import cv2
        import numpy as np

        raw = np.frombuffer(archive.read(entry.image), dtype=np.uint8)
        decoded = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE if self._channels == 1 else cv2.IMREAD_COLOR)
        if decoded is None or decoded.shape[0] * decoded.shape[1] > PIXELS_MAX:
            raise EngineError(
                ErrorCode.CORRUPT_FILE,
                f"{entry.stem} of the evaluation set can't be read.",
                "Upload the set again without this image.",
            )
        if self._task == "classify":
            return self._classified(entry, decoded)
        fitted, scale, left, top = letterbox(decoded, height=self._height, width=self._width)
        height, width = decoded.shape[:2]
        truth = truth_of(
            entry,
            task=self._task,
            keypoints=self.layout.keypoints,
            place=(width * scale, height * scale, left, top),
            shape=(self._height, self._width),
        )
        return Picture(entry.stem, pixels_of(fitted, self._channels), truth)

    def _classified(self, entry: DatasetEntry, decoded: Any) -> Picture:
        """As Ultralytics validates: the shorter side to the input's size, then the middle."""
        import cv2
        import numpy as np
        from PIL import Image
        from ultralytics.data.augment import classify_transforms

        image = Image.fromarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB) if decoded.ndim == 3 else decoded)
        tensor = classify_transforms(self._height)(image)
        truth = Truth(np.zeros(0), np.zeros((0, 4)), top=entry.class_index)
        return Picture(entry.stem, tensor.numpy().astype(np.float32), truth)


def letterbox(image: Any, *, height: int, width: int) -> tuple[Any, float, int, int]:
    """Scale an image (H, W[, C]) to fit, and pad it to (height, width); returns it, the scale, left and top padding.

    The arithmetic is that of ultralytics.data.augment.LetterBox with auto=False, so that figures agree with its own.
    """
    import cv2

    rows, columns = image.shape[:2]
    scale = min(height / rows, width / columns)
    new_width, new_height = round(columns * scale), round(rows * scale)
    if (new_width, new_height) != (columns, rows):
        image = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    across, down = (width - new_width) / 2, (height - new_height) / 2
    top, bottom = round(down - 0.1), round(down + 0.1)
    left, right = round(across - 0.1), round(across + 0.1)
    padded = cv2.copyMakeBorder(
        image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(PADDING, PADDING, PADDING)
    )
    return padded, scale, left, top


def pixels_of(image: Any, channels: int) -> Images:
    import numpy as np

    planes = image[None] if image.ndim == 2 else image[:, :, ::-1].transpose(2, 0, 1)
    if planes.shape[0] != channels:
        planes = np.repeat(planes[:1], channels, axis=0)
    return np.ascontiguousarray(planes, dtype=np.float32) / 255.0


def truth_of(
    entry: DatasetEntry,
    *,
    task: str,
    keypoints: tuple[int, int] | None,
    place: tuple[float, float, int, int],
    shape: tuple[int, int],
) -> Truth:
    """The labels of an entry in pixels of the input. place: width and height of the image in it, left and top padding."""
    import cv2
    import numpy as np

    from deployhub.engine.datasets.layout import boxes_of

    width, height, left, top = place
    rows = boxes_of(entry, task)
    classes = rows[:, 0]
    centre_x, centre_y = rows[:, 1] * width + left, rows[:, 2] * height + top
    half_width, half_height = rows[:, 3] * width / 2, rows[:, 4] * height / 2
    boxes = np.stack(
        [centre_x - half_width, centre_y - half_height, centre_x + half_width, centre_y + half_height], axis=1
    )
    if task == "segment":
        from ultralytics.utils.ops import resample_segments

        masks = np.zeros((len(rows), shape[0] // MASK_RATIO, shape[1] // MASK_RATIO), dtype=np.uint8)
        for mask, row in zip(masks, entry.rows, strict=True):
            outline = row[1:].reshape(-1, 2)
            # With the points in between and cut off, not rounded: so Ultralytics draws the masks that it measures against.
            outline = resample_segments([outline], n=max(OUTLINE_POINTS, len(outline) + 1))[0]
            points = outline * [width, height] + [left, top]
            full = np.zeros(shape, dtype=np.uint8)
            cv2.fillPoly(full, [points.astype(np.int32)], 1)
            mask[:] = cv2.resize(full, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return Truth(classes, boxes, masks=masks)
    if task == "pose" and keypoints is not None:
        count, values = keypoints
        points = (
            np.stack([row[5:].reshape(count, values) for row in entry.rows]).astype(np.float64)
            if entry.rows
            else np.zeros((0, count, values))
        )
        points[..., 0] = points[..., 0] * width + left
        points[..., 1] = points[..., 1] * height + top
        return Truth(classes, boxes, keypoints=points)
    if task == "obb":
        rotated = np.zeros((len(rows), 5))
        for index, row in enumerate(entry.rows):
            corners = (row[1:].reshape(-1, 2) * [width, height] + [left, top]).astype(np.float32)
            (x, y), (w, h), angle = cv2.minAreaRect(corners)
            rotated[index] = x, y, w, h, angle / 180 * np.pi
        return Truth(classes, rotated)
    return Truth(classes, boxes)

"""Small pictures of a dataset for people to look at: re-encoded, few, chosen to show every class and the worst cases."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deployhub.engine.datasets.findings import Findings
from deployhub.engine.datasets.layout import DatasetEntry, DatasetLayout, boxes_of
from deployhub.engine.datasets.pictures import PictureRefused, picture_read, reduced_to

THUMBNAILS_MAX = 48
WORST_MAX = 16
SIDE_PX = 480
JPEG_QUALITY = 80
BOXES_MAX = 100
POINTS_MAX = 40


def thumbnails_choose(
    layout: DatasetLayout, findings: Findings, *, readable: set[str]
) -> list[tuple[DatasetEntry, list[str]]]:
    """The entries to show with what was found about each: the worst, then some of each class, then evenly spread."""
    entries = {entry.image: entry for entry in layout.entries if entry.image in readable}
    worst = {image: codes for image, codes in findings.worst_images() if image in entries}
    chosen = list(worst)[:WORST_MAX]
    taken = set(chosen)
    by_class: dict[int, list[str]] = {}
    for image, entry in entries.items():
        for index in _classes(entry):
            by_class.setdefault(index, []).append(image)
    # Rarest first, so that a class of three images is not left out for one of three thousand.
    rounds = sorted(by_class.values(), key=len)
    for turn in range(4):
        for images in rounds:
            if len(chosen) >= THUMBNAILS_MAX:
                break
            fresh = next((image for image in images if image not in taken), None)
            if fresh is not None and sum(image in taken for image in images) <= turn:
                chosen.append(fresh)
                taken.add(fresh)
    rest = [image for image in entries if image not in taken]
    wanted = min(THUMBNAILS_MAX - len(chosen), len(rest))
    if wanted > 0:
        chosen += [rest[at * len(rest) // wanted] for at in range(wanted)]
    return [(entries[image], worst.get(image, [])) for image in chosen]


def thumbnails_write(
    archive: zipfile.ZipFile, layout: DatasetLayout, findings: Findings, *, readable: set[str], out: Path
) -> list[dict[str, Any]]:
    """Write the pictures to out/thumbnails and describe each, with its labels."""
    folder = out / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
    described: list[dict[str, Any]] = []
    for entry, codes in thumbnails_choose(layout, findings, readable=readable):
        try:
            picture = picture_read(archive, entry.image)
        except PictureRefused:
            continue
        small = reduced_to(picture.image, SIDE_PX)
        name = f"{len(described):02}.jpg"
        # A new image, so that nothing of the original file (profiles, comments, positions) comes along.
        Image.fromarray(np.asarray(small)).save(
            folder / name, format="JPEG", quality=JPEG_QUALITY, optimize=True
        )
        described.append(
            {
                "file": f"thumbnails/{name}",
                "image": entry.image,
                "split": entry.split,
                "width_px": small.width,
                "height_px": small.height,
                "original_width_px": picture.width_px,
                "original_height_px": picture.height_px,
                "class_index": entry.class_index,
                "findings": codes,
                "shapes": _shapes(entry, layout),
            }
        )
    return described


def _classes(entry: DatasetEntry) -> set[int]:
    return {int(row[0]) for row in entry.rows} if entry.class_index is None else {entry.class_index}


def _shapes(entry: DatasetEntry, layout: DatasetLayout) -> list[dict[str, Any]]:
    """Boxes as fractions [left, top, width, height], with the outline or the keypoints as points."""
    shapes = []
    for row, box in zip(entry.rows[:BOXES_MAX], boxes_of(entry, layout.task)[:BOXES_MAX], strict=True):
        _, x, y, width, height = (float(value) for value in box)
        shapes.append(
            {
                "class": int(row[0]),
                "box": [_short(x - width / 2), _short(y - height / 2), _short(width), _short(height)],
                "points": [[_short(px), _short(py)] for px, py in _points(row, layout)],
            }
        )
    return shapes


def _points(row: np.ndarray, layout: DatasetLayout) -> np.ndarray:
    if layout.task in ("segment", "obb"):
        points = row[1:].reshape(-1, 2)
        return points[:: max(1, -(-len(points) // POINTS_MAX))]
    if layout.task == "pose" and layout.keypoints is not None:
        keypoints = row[5:].reshape(layout.keypoints)
        seen = keypoints[:, 2] > 0 if layout.keypoints[1] == 3 else np.ones(len(keypoints), dtype=bool)
        return keypoints[seen][:POINTS_MAX, :2]
    return np.zeros((0, 2))


def _short(value: float) -> float:
    return round(min(max(float(value), -10.0), 10.0), 5)

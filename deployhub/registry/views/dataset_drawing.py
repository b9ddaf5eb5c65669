"""A dataset in pictures: thumbnails with their labels, charts, the map of box centres. Numbers only, no markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from deployhub.registry.models import DatasetVersion

COLOURS = (
    "#ff5a5f", "#2ec4ff", "#ffd23f", "#3ddc84", "#c77dff", "#ff9f1c", "#00e5c3", "#ff7ac6", "#a3e635", "#7aa2ff",
)  # fmt: skip
"""Seen on dark and light pictures alike; a class keeps its colour by its number."""
CLASSES_CHARTED = 30
LINE_SHARE = 0.006
"""Width of a line as a share of the picture's longer side."""


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """One label in pixels of the thumbnail. points: an outline as SVG has it; dots: keypoints."""

    index: int
    name: str
    colour: str
    x: str
    y: str
    width: str
    height: str
    points: str
    dots: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    number: int
    name: str
    path: str
    split: str
    address: str
    page: str
    width_px: int
    height_px: int
    original_width_px: int
    original_height_px: int
    line: str
    dot: str
    shapes: list[DrawnShape]
    classes: list[int]
    caption: str
    findings: int


def picture_drawn(version: DatasetVersion, number: int) -> DrawnPicture:
    """The thumbnail of this number with its labels."""
    row = version.thumbnails[number]
    width, height = row["width_px"], row["height_px"]
    shapes = [_shape_drawn(version, shape, width, height) for shape in row["shapes"]]
    classes = sorted({shape.index for shape in shapes} | ({row["class_index"]} - {None}))
    names = [version.class_name(index) for index in classes]
    line = max(width, height) * LINE_SHARE
    args = [version.pk, number]
    return DrawnPicture(
        number=number,
        name=row["image"].rsplit("/", 1)[-1],
        path=row["image"],
        split=row["split"],
        address=reverse("registry:dataset-picture", args=args),
        page=reverse("registry:dataset-image", args=args),
        width_px=width,
        height_px=height,
        original_width_px=row["original_width_px"],
        original_height_px=row["original_height_px"],
        line=f"{line:.2f}",
        dot=f"{line * 1.4:.2f}",
        shapes=shapes,
        classes=classes,
        caption=", ".join(names) if names else "Background",
        findings=len(row["findings"]),
    )


def _shape_drawn(version: DatasetVersion, shape: dict[str, Any], width: int, height: int) -> DrawnShape:
    left, top, box_width, box_height = shape["box"]
    points = [(f"{x * width:.1f}", f"{y * height:.1f}") for x, y in shape["points"]]
    is_pose = version.task == "pose"
    return DrawnShape(
        index=shape["class"],
        name=version.class_name(shape["class"]),
        colour=COLOURS[shape["class"] % len(COLOURS)],
        x=f"{left * width:.1f}",
        y=f"{top * height:.1f}",
        width=f"{max(box_width, 0) * width:.1f}",
        height=f"{max(box_height, 0) * height:.1f}",
        points="" if is_pose else " ".join(f"{x},{y}" for x, y in points),
        dots=points if is_pose else [],
    )


def charts_of(version: DatasetVersion) -> dict[str, Any]:
    """What the statistics tab draws. Empty before the version was checked."""
    statistics, profile = version.statistics, version.profile
    if not statistics:
        return {}
    classes = sorted(enumerate(statistics["classes"]), key=lambda item: -item[1]["objects"])
    most = max((each["objects"] for _, each in classes), default=0)
    return {
        "classes": [{"index": index, **each} for index, each in classes[:CLASSES_CHARTED]],
        "classes_left": max(0, len(classes) - CLASSES_CHARTED),
        "classes_most": max(most, 1),
        "objects": _bars(_cut(statistics["objects_per_image"]), "Objects in an image", "Images"),
        "box_size": _bars(statistics["box_size"], "Square root of the share of the image", "Boxes"),
        "box_aspect": _bars(statistics["box_aspect"], "log2 of width / height", "Boxes"),
        "positions": _positions(statistics["box_position"]),
        "profile": [
            (title, profile[name], f"chart-{name}", _bars(profile[name], title, "Images"))
            for name, title in (
                ("brightness", "Brightness"), ("contrast", "Contrast"), ("sharpness", "Sharpness"),
                ("aspect", "Aspect, log2 of width / height"),
            )
        ],
        "channels": _channels(profile),
    }  # fmt: skip


def _channels(profile: dict[str, Any]) -> list[tuple[str, float, float]]:
    channels = profile["channels"]
    if channels is None:
        return []
    return list(zip(("Red", "Green", "Blue"), channels["mean"], channels["std"], strict=False))


def _cut(histogram: dict[str, Any]) -> dict[str, Any]:
    """Without the empty end: few images hold fifty objects."""
    counts = histogram["counts"]
    last = max((at for at, count in enumerate(counts) if count), default=0)
    kept = counts[: max(last + 1, 8)]
    step = (histogram["high"] - histogram["low"]) / max(len(counts), 1)
    return {**histogram, "counts": kept, "high": histogram["low"] + step * len(kept)}


def _bars(histogram: dict[str, Any], x_label: str, label: str) -> dict[str, Any]:
    counts = histogram["counts"]
    step = (histogram["high"] - histogram["low"]) / max(len(counts), 1)
    return {
        "x": [round(histogram["low"] + step * at, 4) for at in range(len(counts))],
        "x_label": x_label,
        "kind": "bars",
        "step": step,
        "series": [{"label": label, "values": counts}],
    }


def _positions(grid: list[list[int]]) -> list[dict[str, Any]]:
    """The cells of the map that hold anything, each with how strong it is drawn."""
    most = max((cell for row in grid for cell in row), default=0)
    return [
        {"x": x, "y": y, "count": cell, "opacity": f"{0.12 + 0.88 * cell / most:.2f}"}
        for y, row in enumerate(grid)
        for x, cell in enumerate(row)
        if cell
    ]

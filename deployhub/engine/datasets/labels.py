"""Look at the labels of a dataset: classes, boxes, what is missing. No image is opened."""

from __future__ import annotations

from collections import Counter

import numpy as np

from deployhub.engine.datasets.findings import Findings
from deployhub.engine.datasets.layout import DatasetEntry, DatasetLayout, boxes_of

EDGE_TOLERANCE = 0.01
"""How far a box may reach past the edge, as a share of the image: rounding of other tools."""
VALUE_TOLERANCE = 0.01
IMAGES_FEW = 50


def labels_check(layout: DatasetLayout, findings: Findings, *, classes_listed: tuple[str, ...]) -> None:
    """Note what is amiss. classes_listed: the lines of a classes.txt, empty without one."""
    _whole_check(layout, findings, classes_listed)
    for problem in layout.problems:
        findings.add("line_malformed", file=problem.file, line=problem.line, detail=problem.why)
    for entry in layout.entries:
        if layout.task == "classify":
            continue
        if not entry.label:
            findings.add("label_missing", file=entry.image)
        elif not entry.rows:
            findings.add("background", file=entry.image)
        _rows_check(entry, layout, findings)


def _whole_check(layout: DatasetLayout, findings: Findings, classes_listed: tuple[str, ...]) -> None:
    if layout.names_missing:
        findings.add("names_missing", file=layout.description or "data.yaml")
    for name, count in Counter(layout.class_names).items():
        if count > 1:
            findings.add("names_twice", detail=name)
    if classes_listed and layout.class_names and classes_listed != layout.class_names:
        at = next(
            (i for i, (a, b) in enumerate(zip(classes_listed, layout.class_names, strict=False)) if a != b),
            None,
        )
        detail = (
            f"{len(classes_listed)} and {len(layout.class_names)} names"
            if at is None
            else f"class {at}: {classes_listed[at]} and {layout.class_names[at]}"
        )
        findings.add("names_differ", file="classes.txt", detail=detail)
    for name in layout.orphan_labels:
        findings.add("label_orphan", file=name)
    for name in layout.foreign_files:
        findings.add("foreign_format", file=name)
    for path in layout.missing_paths:
        findings.add("path_missing", file=layout.description, detail=path)
    for split in layout.shared_splits:
        findings.add("split_shared", file=layout.description, detail=split)
    for folder in layout.stray_folders:
        findings.add("folder_unknown", file=folder)
    if len(layout.entries) < IMAGES_FEW:
        findings.add("few_images", detail=f"{len(layout.entries)} images")
    measured = layout.for_evaluation()
    if not any(entry.rows or entry.class_index is not None for entry in measured):
        findings.add("labels_none", detail=f"{len(measured)} images")
    used = {int(row[0]) for entry in layout.entries for row in entry.rows}
    used |= {entry.class_index for entry in layout.entries if entry.class_index is not None}
    for at, name in enumerate(layout.class_names):
        if at not in used:
            findings.add("class_empty", detail=f"{at}: {name}")


def _rows_check(entry: DatasetEntry, layout: DatasetLayout, findings: Findings) -> None:
    if not entry.rows:
        return
    boxes = boxes_of(entry, layout.task)
    seen: set[bytes] = set()
    for row, box, line in zip(entry.rows, boxes, entry.lines, strict=True):

        def told(code: str, detail: str, line: int = line) -> None:
            findings.add(code, file=entry.label, line=line, detail=detail, image=entry.image)

        if layout.class_names and row[0] >= len(layout.class_names):
            told("class_unknown", f"class {int(row[0])}; {len(layout.class_names)} are named")
        _, x, y, width, height = box
        values = row[1:] if layout.task in ("segment", "obb") else box[1:]
        if values.min() < -VALUE_TOLERANCE or values.max() > 1 + VALUE_TOLERANCE:
            told("outside_image", f"{values[np.argmax(np.abs(values - 0.5))]:.4g}")
        elif width <= 0 or height <= 0:
            told("box_degenerate", f"{width:.4g} × {height:.4g}")
        elif (
            min(x - width / 2, y - height / 2) < -EDGE_TOLERANCE
            or max(x + width / 2, y + height / 2) > 1 + EDGE_TOLERANCE
        ):
            told("box_past_edge", f"centre {x:.3f}, {y:.3f}, size {width:.3f} × {height:.3f}")
        if layout.task == "pose":
            _keypoints_check(entry, row, layout, findings, line)
        key = row.tobytes()
        if key in seen:
            told("box_twice", "")
        seen.add(key)


def _keypoints_check(
    entry: DatasetEntry, row: np.ndarray, layout: DatasetLayout, findings: Findings, line: int
) -> None:
    assert layout.keypoints is not None
    points = row[5:].reshape(layout.keypoints)[:, :2]
    if points.min() < -VALUE_TOLERANCE or points.max() > 1 + VALUE_TOLERANCE:
        findings.add("outside_image", file=entry.label, line=line, detail="a keypoint", image=entry.image)

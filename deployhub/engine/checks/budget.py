"""What a certificate can limit, with the limits that hold when nobody set others.

The catalogue publishes BUDGET_FIELDS; form, API and documentation of budgets are made from it. A limit of None is told
and not judged. fp32: reordered sums and fused layers, seen below 1e-4 on all tasks. fp16: 11 bits of mantissa through
some hundred layers. int8: outputs differ by design, so the task decides.
"""

from __future__ import annotations

from typing import Any

PRECISIONS = ("fp32", "fp16", "int8")


def _field(
    name: str, label: str, help: str, direction: str, defaults: tuple[float | None, ...], *, maximum: float = 1.0, unit: str = ""
) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name,
        "label": label,
        "help": help,
        "unit": unit,
        "direction": direction,
        "minimum": 0.0,
        "maximum": maximum,
        "default": dict(zip(PRECISIONS, defaults, strict=True)),
    }


BUDGET_FIELDS: tuple[dict[str, Any], ...] = (
    _field(
        "relative_error",
        "Relative error of an output",
        "Largest error of any number, as a share of the largest of its kind (boxes, scores).",
        "at most",
        (1e-3, 3e-2, None),
    ),
    _field(
        "cosine",
        "Cosine of an output",
        "How alike the directions of all numbers of an output are; 1 is equal.",
        "at least",
        (0.99999, 0.9999, 0.99),
    ),
    _field(
        "matched",
        "Matched detections",
        "Share of detections, of either side, that the other side sees as well.",
        "at least",
        (0.99, 0.97, 0.85),
    ),
    _field(
        "class_agreement",
        "Agreement on the class",
        "Share of matched places (of images, for classification) with the same class.",
        "at least",
        (0.99, 0.98, 0.95),
    ),
    _field(
        "mean_iou",
        "Overlap of matched detections",
        "Mean intersection over union of matched boxes, masks or rotated boxes.",
        "at least",
        (0.99, 0.98, 0.9),
    ),
    _field(
        "score_shift",
        "Shift of scores",
        "Mean absolute difference between the scores of matched detections.",
        "at most",
        (5e-3, 2e-2, 8e-2),
    ),
    _field(
        "metric_loss",
        "Loss of the task metric",
        "By how much the artifact's mAP50-95 (boxes, masks, keypoints) or top-1 lies below its source's.",
        "at most",
        (5e-3, 1e-2, 2e-2),
    ),
    _field(
        "metric_loss_high",
        "Loss of the task metric, upper end",
        "The upper end of the 95 % interval of that loss: with few images it is wide.",
        "at most",
        (1e-2, 2e-2, 5e-2),
    ),
    _field(
        "latency_ratio",
        "Latency against the source",
        "Latency of the artifact divided by its source's, on the machine that certifies.",
        "at most",
        (None, None, None),
        maximum=100.0,
    ),
    _field(
        "size_bytes",
        "Size of the artifact",
        "All its files together.",
        "at most",
        (None, None, None),
        maximum=1e12,
        unit="bytes",
    ),
)


def budget_default(precision: str) -> dict[str, float]:
    return {
        field["name"]: field["default"][precision]
        for field in BUDGET_FIELDS
        if field["default"].get(precision) is not None
    }


DIRECTIONS: dict[str, str] = {field["name"]: field["direction"] for field in BUDGET_FIELDS}

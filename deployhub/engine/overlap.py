"""How much two lists of detections overlap: boxes, rotated boxes, masks, keypoints; and who belongs to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployhub.engine.checking import Floats, Seen, Truth

FAR_APART = 0.0


def overlaps(first: Seen | Truth, second: Seen | Truth, *, task: str) -> Floats:
    """IoU of each of `first` (rows) with each of `second` (columns), of what the task is about: box, rotated box, mask."""
    import numpy as np
    import torch
    from ultralytics.utils.metrics import batch_probiou, box_iou, mask_iou

    if first.boxes is None or second.boxes is None or not len(first.boxes) or not len(second.boxes):
        return np.zeros((_count(first), _count(second)))
    one, two = torch.from_numpy(first.boxes).float(), torch.from_numpy(second.boxes).float()
    if task == "obb" and one.shape[1] == 5 and two.shape[1] == 5:
        found = batch_probiou(one, two)
    elif task == "segment" and first.masks is not None and second.masks is not None:
        found = mask_iou(_flat(first.masks), _flat(second.masks))
    else:
        found = box_iou(one[:, :4], two[:, :4])
    return found.nan_to_num(nan=FAR_APART).double().numpy()  # type: ignore[no-any-return]


def box_overlaps(first: Seen | Truth, second: Seen | Truth, *, task: str) -> Floats:
    """Like `overlaps`, of the boxes alone."""
    return overlaps(first, second, task="obb" if task == "obb" else "detect")


def keypoint_overlaps(truth: Truth, seen: Seen) -> Floats:
    """Object keypoint similarity of each label (rows) with each detection (columns), as `yolo val` measures it."""
    import numpy as np
    import torch
    from ultralytics.utils.metrics import OKS_SIGMA, kpt_iou

    if not len(truth.classes) or not len(seen.scores):
        return np.zeros((len(truth.classes), len(seen.scores)))
    count, values = truth.keypoints.shape[1:]
    sigma = OKS_SIGMA if (count, values) == (17, 3) else np.ones(count) / count
    area = (truth.boxes[:, 2] - truth.boxes[:, 0]) * (truth.boxes[:, 3] - truth.boxes[:, 1]) * 0.53
    labelled = truth.keypoints
    if values == 2:  # without visibility, every labelled point counts
        labelled = np.concatenate([labelled, np.ones((*labelled.shape[:2], 1))], axis=2)
    found = kpt_iou(
        torch.from_numpy(labelled).float(),
        torch.from_numpy(seen.keypoints).float(),
        sigma=sigma.tolist() if isinstance(sigma, np.ndarray) else sigma,
        area=torch.from_numpy(area).float(),
    )
    return found.nan_to_num(nan=FAR_APART).double().numpy()  # type: ignore[no-any-return]


def paired(overlap: Floats, *, least: float) -> list[tuple[int, int]]:
    """Pairs of row and column, each used once, those that overlap most first; none below `least`."""
    import numpy as np

    pairs: list[tuple[int, int]] = []
    rows, columns = np.nonzero(overlap >= least)
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for at in np.argsort(-overlap[rows, columns], kind="stable"):
        row, column = int(rows[at]), int(columns[at])
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            pairs.append((row, column))
    return pairs


def _count(side: Seen | Truth) -> int:
    return 0 if side.boxes is None else len(side.boxes)


def _flat(masks: Any) -> Any:
    import torch

    return torch.from_numpy(masks.reshape(len(masks), -1)).float()

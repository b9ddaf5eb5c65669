"""From outputs to detections: the same suppression of overlaps for source and artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployhub.engine.checking import Seen
from deployhub.engine.source import END_TO_END, NMS

if TYPE_CHECKING:
    from deployhub.engine.plugin import NamedOutput

CONFIDENCE_FLOOR = 0.001
OVERLAP = 0.7
DETECTIONS_MAX = 300
"""As `yolo val` does it: nearly everything is kept, since average precision is measured over all scores."""


def detections_decode(
    outputs: list[NamedOutput], *, task: str, head: str, classes: int, shape: tuple[int, int], keypoints: tuple[int, int] | None
) -> list[Seen]:  # fmt: skip
    """What one side sees in each image of a batch. shape: (height, width) of the input in pixels."""
    import numpy as np
    import torch

    first = np.asarray(outputs[0].values, dtype=np.float32)
    if task == "classify":
        return [Seen(row.astype(np.float64)) for row in first.reshape(len(first), -1)]
    if head in (NMS, END_TO_END):
        rows = [torch.from_numpy(image[image[:, 4] > CONFIDENCE_FLOOR]) for image in first]
    else:
        rows = _suppressed(torch.from_numpy(first), classes=classes, rotated=task == "obb")
    protos = torch.from_numpy(outputs[1].values) if task == "segment" and len(outputs) > 1 else None
    return [
        _seen(
            found[found[:, 4].argsort(descending=True, stable=True)],
            task=task,
            proto=None if protos is None else protos[index],
            shape=shape,
            keypoints=keypoints,
        )
        for index, found in enumerate(rows)
    ]


def _suppressed(predictions: Any, *, classes: int, rotated: bool) -> list[Any]:
    from ultralytics.utils.nms import non_max_suppression

    finite = predictions.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return non_max_suppression(  # type: ignore[no-any-return]
        finite,
        CONFIDENCE_FLOOR,
        OVERLAP,
        nc=classes,
        multi_label=True,
        max_det=DETECTIONS_MAX,
        rotated=rotated,
        max_time_img=60.0,
    )


def _seen(
    rows: Any, *, task: str, proto: Any, shape: tuple[int, int], keypoints: tuple[int, int] | None
) -> Seen:
    import numpy as np
    import torch

    boxes, extra = rows[:, :4].double().numpy(), rows[:, 6:]
    seen = Seen(scores=rows[:, 4].double().numpy(), boxes=boxes, classes=rows[:, 5].double().numpy())
    if task == "obb" and extra.shape[1]:
        seen.boxes = np.concatenate([boxes, extra[:, :1].double().numpy()], axis=1)
    elif task == "pose" and keypoints is not None:
        seen.keypoints = extra.reshape(len(rows), *keypoints).double().numpy()
    elif task == "segment" and proto is not None:
        from ultralytics.utils import ops

        seen.masks = (
            ops.process_mask(proto, extra, rows[:, :4], shape).bool().numpy()
            if len(rows)
            else torch.zeros((0, *proto.shape[1:]), dtype=torch.bool).numpy()
        )
    return seen

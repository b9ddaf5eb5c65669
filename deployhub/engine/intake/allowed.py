"""The names that a genuine YOLO checkpoint mentions; a file that mentions any other is refused.

Gathered from YOLOv5u, 8, 9, 10, 11, 12 and 26 models of all five tasks, and from the allow-list of
Ultralytics' own safe loader. An allow-list, since every deny-list of picklers has been walked around.
"""

from __future__ import annotations

import re

_PLAIN = frozenset(
    {
        "builtins.set", "builtins.getattr", "collections.OrderedDict", "collections.defaultdict",
        "_codecs.encode", "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath", "pathlib._local.WindowsPath",
        "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "torch.Size", "torch.device",
        "torch.nn.parameter.Parameter", "torch.FloatStorage", "torch.HalfStorage", "torch.DoubleStorage",
        "torch.LongStorage", "torch.IntStorage", "torch.ShortStorage", "torch.CharStorage",
        "torch.ByteStorage", "torch.BoolStorage", "torch.BFloat16Storage", "torch.storage.UntypedStorage",
        "torch.float16", "torch.float32", "torch.float64", "torch.bfloat16", "torch.int8", "torch.uint8",
        "torch.int16", "torch.int32", "torch.int64", "torch.bool",
        "ultralytics.utils.IterableSimpleNamespace", "ultralytics.yolo.utils.IterableSimpleNamespace",
        "torchvision.transforms.transforms.Compose", "torchvision.transforms.transforms.Normalize",
        "torchvision.transforms.transforms.Resize", "torchvision.transforms.transforms.CenterCrop",
        "torchvision.transforms.transforms.ToTensor", "torchvision.transforms.functional.InterpolationMode",
    }
)  # fmt: skip
_MODELS = frozenset(
    f"ultralytics.nn.tasks.{name}"
    for name in ("DetectionModel", "SegmentationModel", "ClassificationModel", "PoseModel", "OBBModel",
                 "YOLOv10DetectionModel")
)  # fmt: skip
_LOSSES = frozenset(
    f"ultralytics.utils.{name}"
    for name in ("loss.v8DetectionLoss", "loss.v8SegmentationLoss", "loss.v8PoseLoss", "loss.v8OBBLoss",
                 "loss.v8ClassificationLoss", "loss.E2EDetectLoss", "loss.E2ELoss", "loss.v10DetectLoss",
                 "loss.PoseLoss26", "loss.BboxLoss", "loss.RotatedBboxLoss", "loss.KeypointLoss", "loss.DFLoss",
                 "tal.TaskAlignedAssigner", "tal.RotatedTaskAlignedAssigner")
)  # fmt: skip
_LAYERS = re.compile(
    r"(torch\.nn\.modules\.(activation|batchnorm|container|conv|dropout|flatten|linear|loss|normalization|padding"
    r"|pixelshuffle|pooling|upsampling)"
    r"|ultralytics\.nn\.modules\.(activation|block|conv|head|transformer))\.[A-Z][A-Za-z0-9_]{0,60}\Z"
    r"|ultralytics\.nn\.modules\.head\.v10Detect\Z"
)
_SPELLINGS = {"__builtin__": "builtins", "posix": "os", "nt": "os"}


def name_spell(module: str, name: str) -> str:
    """The dotted name as a person knows it: Python 2's and the system's own spellings are translated."""
    return f"{_SPELLINGS.get(module, module)}.{name}"


def is_allowed(name: str) -> bool:
    """Whether a genuine checkpoint may mention this name."""
    return name in _PLAIN or name in _LOSSES or is_layer(name)


def is_layer(name: str) -> bool:
    """Whether it is a network or one of its layers: such a class is restored, never constructed."""
    return name in _MODELS or bool(_LAYERS.match(name))

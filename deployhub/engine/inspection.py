"""What a model is: task, family, size, classes, layers, and how it was trained."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from deployhub.engine.fingerprint import toolchain_versions
from deployhub.engine.onnx_file import onnx_facts, onnx_layers
from deployhub.engine.source import PtSource

FAMILY_IN_NAME = re.compile(r"yolo(v?)(\d+)([nsmlbxtce]?)", re.IGNORECASE)
VARIANTS = ("n", "s", "m", "l", "x")
MULTIPLES_MATCH = 1e-6
TEXT_MAX = 200


def pt_inspect(source: PtSource) -> dict[str, Any]:
    """Facts of a loaded checkpoint, in the shape of `InspectResult` without `scan`."""
    import numpy as np

    from deployhub.engine.yolo_export import YoloOptions

    height, width = source.image_size_px
    images = np.zeros((1, source.channels, height, width), np.float32)
    outputs = source.reference(images, options=YoloOptions())
    architecture, variant = family_name(source.model)
    checkpoint = source.checkpoint
    return {
        "kind": "pt",
        "task": source.task,
        "architecture": architecture,
        "variant": variant,
        "class_names": source.class_names,
        "image_size_px": source.image_size_px,
        "parameters": sum(tensor.numel() for tensor in source.model.parameters()),
        "gflops": _gflops(source),
        "stride": source.stride,
        "end_to_end": source.end_to_end_head,
        "layers": [
            {
                "index": index,
                "type": type(layer).__name__,
                "parameters": sum(tensor.numel() for tensor in layer.parameters()),
            }
            for index, layer in enumerate(source.model.model)
        ],
        "trained_with": {
            "ultralytics": _text(checkpoint.get("version")),
            "date": _text(checkpoint.get("date")),
            "arguments": scalars_keep(checkpoint.get("train_args")),
            "metrics": scalars_keep(checkpoint.get("train_metrics")),
        },
        "inputs": [{"name": "images", "shape": list(images.shape), "dtype": "float32"}],
        "outputs": [
            {"name": output.name, "shape": list(output.values.shape), "dtype": "float32"}
            for output in outputs
        ],
        "engine": toolchain_versions(("ultralytics", "torch")),
    }


def onnx_inspect(path: Path) -> dict[str, Any]:
    """Facts of an ONNX file; what it doesn't say is None."""
    facts = onnx_facts(path)
    family, variant = _family_in(facts.metadata.get("description", ""))
    return {
        "kind": "onnx",
        "task": facts.task,
        "architecture": family,
        "variant": variant,
        "class_names": facts.class_names,
        "image_size_px": _fixed_size(facts.input_shape) or facts.image_size_px,
        "parameters": facts.parameters,
        "gflops": None,
        "stride": facts.stride,
        "end_to_end": facts.end_to_end,
        "layers": onnx_layers(path),
        "trained_with": {
            "ultralytics": _text(facts.metadata.get("version")),
            "date": _text(facts.metadata.get("date")),
            "arguments": {},
            "metrics": {},
        },
        "inputs": facts.inputs,
        "outputs": facts.outputs,
        "opset": facts.opset,
        "producer": facts.producer,
        "operators": facts.operators,
        "engine": toolchain_versions(("onnx", "onnxruntime")),
    }


def family_name(model: Any) -> tuple[str | None, str | None]:
    """The family and the variant of a network: by its yaml's name, else by its blocks and multiples."""
    yaml = model.yaml if isinstance(model.yaml, dict) else {}
    family, variant = _family_in(PurePosixPath(str(yaml.get("yaml_file", ""))).stem)
    if family is None:
        blocks = {type(layer).__name__ for layer in model.model}
        if {"C3k2", "C2PSA"} <= blocks:
            family = "YOLO26" if getattr(model.model[-1], "one2one_cv2", None) is not None else "YOLO11"
        elif "C2f" in blocks:
            family = "YOLOv8"
    scale = yaml.get("scale")
    if scale in VARIANTS:
        variant = scale
    return family, variant or _variant_of_multiples(yaml)


def _family_in(name: str) -> tuple[str | None, str | None]:
    match = FAMILY_IN_NAME.search(name)
    if not match:
        return None, None
    letter, number, variant = match.groups()
    # Families before 11 carry a v in their name: YOLOv8, YOLOv10, then YOLO11, YOLO12, YOLO26.
    return f"YOLO{letter.lower()}{number}", variant.lower() or None


def _variant_of_multiples(yaml: Mapping[str, Any]) -> str | None:
    depth, width = yaml.get("depth_multiple"), yaml.get("width_multiple")
    scales = yaml.get("scales")
    if not isinstance(scales, dict) or depth is None or width is None:
        return None
    for name, values in scales.items():
        if abs(values[0] - depth) < MULTIPLES_MATCH and abs(values[1] - width) < MULTIPLES_MATCH:
            return str(name)
    return None


def _gflops(source: PtSource) -> float | None:
    from copy import deepcopy

    from ultralytics.utils.torch_utils import get_flops

    gflops = float(get_flops(deepcopy(source.model), source.image_size_px))
    return round(gflops, 3) if gflops > 0 and math.isfinite(gflops) else None


def _fixed_size(shape: list[int | None]) -> list[int] | None:
    sides = [side for side in shape[2:4] if side]
    return sides if len(sides) == 2 else None


def scalars_keep(values: object) -> dict[str, str | int | float | bool | None]:
    """Keep plain values alone; of a path only its last part, which names no user and no machine."""
    if not isinstance(values, Mapping):
        return {}
    kept: dict[str, str | int | float | bool | None] = {}
    for key, value in values.items():
        if value is None or isinstance(value, bool | int):
            kept[str(key)[:TEXT_MAX]] = value
        elif isinstance(value, str | Path):
            kept[str(key)[:TEXT_MAX]] = _last_part(str(value))[:TEXT_MAX]
        else:
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            if math.isfinite(number):
                kept[str(key)[:TEXT_MAX]] = number
    return kept


def _last_part(text: str) -> str:
    if "/" in text or "\\" in text:
        return PureWindowsPath(text).name or PurePosixPath(text).name
    return text


def _text(value: object) -> str | None:
    return str(value)[:TEXT_MAX] if value else None

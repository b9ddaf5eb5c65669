"""Facts of an ONNX file: what its graph and its Ultralytics metadata say. Nothing is run."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployhub.engine.spec import EngineError, ErrorCode

LAYERS_MAX = 2000


@dataclass(frozen=True)
class OnnxFacts:
    """Facts of a graph; None where the file doesn't say. Sizes are (height, width)."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    parameters: int
    opset: int | None
    ir_version: int
    producer: str
    operators: dict[str, int]
    task: str | None = None
    class_names: list[str] | None = None
    stride: int | None = None
    image_size_px: list[int] | None = None
    end_to_end: bool | None = None
    nms: bool | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def input_shape(self) -> list[int | None]:
        shape = [side if isinstance(side, int) else None for side in self.inputs[0]["shape"]]
        return (shape + [None] * 4)[:4]


def onnx_facts(path: Path) -> OnnxFacts:
    """Read a graph without its external weights.

    Raises EngineError when the file is no ONNX model, or takes something else than one image tensor.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        raise EngineError(
            ErrorCode.CORRUPT_FILE,
            "The file could not be read as an ONNX model.",
            "Export it again, and check that the upload was complete.",
        ) from error
    graph = model.graph
    weights = {initializer.name for initializer in graph.initializer}
    inputs = [_tensor(value, onnx) for value in graph.input if value.name not in weights]
    if not graph.node or not inputs:
        raise EngineError(
            ErrorCode.INVALID_MODEL,
            "The ONNX file holds no graph with an input.",
            "Export the model again with an image input of shape (batch, channels, height, width).",
        )
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    names = _literal(metadata.get("names"))
    size = _literal(metadata.get("imgsz"))
    stride = _literal(metadata.get("stride"))
    arguments = _literal(metadata.get("args"))
    return OnnxFacts(
        inputs=inputs,
        outputs=[_tensor(value, onnx) for value in graph.output],
        parameters=sum(_product(initializer.dims) for initializer in graph.initializer),
        opset=next((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), None),
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        operators=dict(Counter(node.op_type for node in graph.node).most_common()),
        task=metadata.get("task"),
        class_names=[str(names[key]) for key in sorted(names)] if isinstance(names, dict) else None,
        stride=stride if isinstance(stride, int) else None,
        image_size_px=[int(side) for side in size]
        if isinstance(size, list | tuple) and len(size) == 2
        else None,
        end_to_end=_truth(metadata.get("end2end")),
        nms=bool(arguments.get("nms")) if isinstance(arguments, dict) else None,
        metadata=metadata,
    )


def onnx_layers(path: Path) -> list[dict[str, Any]]:
    """The graph's operators in order, each with the numbers stored for it; at most LAYERS_MAX."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    sizes = {initializer.name: _product(initializer.dims) for initializer in graph.initializer}
    return [
        {"index": index, "type": node.op_type, "parameters": sum(sizes.get(name, 0) for name in node.input)}
        for index, node in enumerate(graph.node[:LAYERS_MAX])
    ]


def _truth(word: str | None) -> bool | None:
    return {"true": True, "false": False}.get((word or "").lower())


def _literal(text: str | None) -> Any:
    """Ultralytics writes its metadata with str(); read back literals alone, never code."""
    if text is None or len(text) > 1_000_000:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _product(dims: Any) -> int:
    total = 1
    for side in dims:
        total *= int(side)
    return total


def _tensor(value: Any, onnx: Any) -> dict[str, Any]:
    kind = value.type.tensor_type
    shape: list[int | str | None] = [
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None) for dim in kind.shape.dim
    ]
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    except (KeyError, TypeError, ValueError):
        dtype = "unknown"
    return {"name": value.name, "shape": shape, "dtype": dtype}

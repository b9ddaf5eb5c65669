"""Damages that an export may carry out into production: each makes another artifact out of a good one.

Shared by the tests and by `benchmarks/certificate.py`, which counts how many a certificate refuses.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[3] / "deployhub" / "engine" / "demo"
SOURCE = DEMO / "shapes-yolov8n.pt"
EVALUATION_SET = DEMO / "shapes-evaluation.zip"
SIZE_PX = 160


@dataclass
class Exported:
    """An export: the folder of its files, its format and the options that it was made with."""

    folder: Path
    format: str
    options: dict[str, Any]
    budget: dict[str, float] | None = None


def spec_run(
    source: Path, spec: dict[str, Any], *, prepare: Callable[[Path], None] = lambda work: None
) -> Any:
    """Run one spec in this process; returns its result and work folder."""
    from deployhub.engine.run import run_spec

    work = Path(tempfile.mkdtemp(prefix="certificate-"))
    (work / "in").mkdir()
    shutil.copy(source, work / "in" / "source.pt")
    prepare(work)
    (work / "spec.json").write_text(json.dumps({"source": "in/source.pt", "seed": 0, **spec}))
    return run_spec(workdir=work, emit=lambda event: None), work


def exported(format: str = "onnx", *, source: Path = SOURCE, **options: Any) -> Exported:
    options = {"image_size_px": SIZE_PX, **options}
    result, work = spec_run(source, {"kind": "export", "format": format, "options": options})
    return Exported(work / "out", format, result["options"])


def certified(
    artifact: Exported, *, source: Path = SOURCE, dataset: Path | None = EVALUATION_SET, images: int = 40
) -> dict[str, Any]:
    """The certificate of an artifact against a source."""

    def prepare(work: Path) -> None:
        shutil.copytree(artifact.folder, work / "in" / "artifact")
        if dataset is not None:
            shutil.copy(dataset, work / "in" / "dataset.zip")

    result, work = spec_run(
        source,
        {
            "kind": "certify", "artifact": "in/artifact", "format": artifact.format, "options": artifact.options,
            "dataset": "in/dataset.zip" if dataset is not None else None, "images_limit": images,
            **({"budget": artifact.budget} if artifact.budget is not None else {}),
        },
        prepare=prepare,
    )  # fmt: skip
    shutil.rmtree(work)
    return result  # type: ignore[no-any-return]


def copied(artifact: Exported) -> Exported:
    folder = Path(tempfile.mkdtemp(prefix="damaged-")) / "artifact"
    shutil.copytree(artifact.folder, folder)
    return Exported(folder, artifact.format, dict(artifact.options), artifact.budget)


# Damages of an ONNX file. Each takes the loaded model and changes it in place.


def _initializers(model: Any) -> dict[str, Any]:
    return {one.name: one for one in model.graph.initializer}


def _set(tensor: Any, values: Any) -> None:
    from onnx import numpy_helper

    tensor.CopyFrom(numpy_helper.from_array(values.astype(_values(tensor).dtype), tensor.name))


def _values(tensor: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor).copy()


def _convolutions(model: Any) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


def bit_flipped(model: Any) -> None:
    """One bit of one weight: the highest of the exponent."""
    import numpy as np

    tensor = _initializers(model)[_convolutions(model)[10].input[1]]
    values = _values(tensor).astype(np.float32)
    bits = values.reshape(-1).view(np.uint32)
    bits[values.size // 2] ^= np.uint32(1 << 30)
    _set(tensor, values)


def classes_swapped(model: Any) -> None:
    """The first two classes change places in the last convolutions of the head."""
    weights = _initializers(model)
    heads = [
        node for node in _convolutions(model) if _values(weights[node.input[1]]).shape[0] == _classes(model)
    ]
    assert len(heads) >= 3
    for node in heads:
        for name in node.input[1:3]:
            values = _values(weights[name])
            values[[0, 1]] = values[[1, 0]]
            _set(weights[name], values)


def _classes(model: Any) -> int:
    import ast

    names = next(prop.value for prop in model.metadata_props if prop.key == "names")
    return len(ast.literal_eval(names))


def channels_reversed(model: Any) -> None:
    """BGR where the model was trained on RGB, baked into the first convolution."""
    tensor = _initializers(model)[_convolutions(model)[0].input[1]]
    _set(tensor, _values(tensor)[:, ::-1])


def normalisation_wrong(model: Any) -> None:
    """Pixels taken for 0 to 255 where they are 0 to 1, in part: everything half as bright."""
    tensor = _initializers(model)[_convolutions(model)[0].input[1]]
    _set(tensor, _values(tensor) * 0.5)


def anchors_moved(model: Any) -> None:
    """The grid of anchors half a cell away, as with the wrong stride or offset."""
    import numpy as np

    moved = 0
    for tensor in model.graph.initializer:
        values = _values(tensor)
        if (
            values.dtype == np.float32
            and values.ndim >= 2
            and values.shape[-1] > 100
            and values.shape[-2:][0] <= 2
        ):
            _set(tensor, values + 0.5)
            moved += 1
    if not moved:
        for node in model.graph.node:
            for attribute in node.attribute if node.op_type == "Constant" else ():
                values = _values(attribute.t)
                if values.dtype == np.float32 and values.size > 100:
                    _set(attribute.t, values + 0.5)
                    moved += 1
    assert moved


def _input_led_through(model: Any, *nodes: Any) -> None:
    """Put nodes between the input and all that reads it. They read `images` and write `images_through`."""
    name = model.graph.input[0].name
    for node in model.graph.node:
        for place, read in enumerate(node.input):
            if read == name:
                node.input[place] = "images_through"
    for place, node in enumerate(nodes):
        model.graph.node.insert(place, node)


def layout_swapped(model: Any) -> None:
    """Height and width change places at the input."""
    from onnx import helper

    _input_led_through(
        model,
        helper.make_node("Transpose", [model.graph.input[0].name], ["images_through"], perm=[0, 1, 3, 2]),
    )


def half_overflowed(model: Any) -> None:
    """Some weights beyond what float16 holds: a conversion makes them infinite."""
    import numpy as np

    tensor = _initializers(model)[_convolutions(model)[20].input[1]]
    values = _values(tensor).astype(np.float32)
    with np.errstate(over="ignore"):
        values[0] = (values[0] * 1e9).astype(np.float16).astype(np.float32)
    assert np.isinf(values).any()
    _set(tensor, values)


def scores_scaled(model: Any) -> None:
    """Every score a fifth lower: no box moves, every threshold does."""
    import numpy as np
    from onnx import helper, numpy_helper

    output = model.graph.output[0].name
    rows = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    factors = np.ones((1, rows, 1), np.float32)
    factors[:, 4:] = 0.8
    model.graph.initializer.append(numpy_helper.from_array(factors, "factors"))
    for node in model.graph.node:
        for place, written in enumerate(node.output):
            if written == output:
                node.output[place] = "unscaled"
    model.graph.node.append(helper.make_node("Mul", ["unscaled", "factors"], [output]))


GRAPH_DAMAGES: dict[str, Callable[[Any], None]] = {
    "one weight bit flipped": bit_flipped,
    "two classes swapped": classes_swapped,
    "BGR baked in": channels_reversed,
    "wrong normalisation": normalisation_wrong,
    "anchors half a cell away": anchors_moved,
    "height and width swapped": layout_swapped,
    "float16 overflow": half_overflowed,
    "scores a fifth lower": scores_scaled,
}


def graph_damaged(good: Exported, damage: Callable[[Any], None]) -> Exported:
    import onnx

    bad = copied(good)
    path = bad.folder / "model.onnx"
    model = onnx.load(str(path))
    damage(model)
    onnx.save(model, str(path))
    return bad


def truncated(good: Exported) -> Exported:
    bad = copied(good)
    path = bad.folder / "model.onnx"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return bad


def of_another_model(good: Exported) -> Exported:
    """The same architecture and classes, other weights."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    checkpoint = torch.load(SOURCE, map_location="cpu", weights_only=False)
    torch.manual_seed(1)
    other = DetectionModel(checkpoint["model"].yaml, ch=3, nc=checkpoint["model"].yaml["nc"], verbose=False)
    other.names, other.args = checkpoint["model"].names, checkpoint["model"].args
    path = Path(tempfile.mkdtemp(prefix="other-")) / "other.pt"
    torch.save({**checkpoint, "model": other.half(), "ema": None}, path)
    made = exported("onnx", source=path)
    return Exported(made.folder, good.format, good.options)


def nms_threshold_changed() -> Exported:
    """NMS in the graph at another threshold than the options say."""
    strict = exported("onnx", nms=True, confidence_percent=80)
    return Exported(strict.folder, "onnx", {**strict.options, "confidence_percent": 25})


def int8_collapsed(good: Exported) -> Exported:
    """INT8 whose ranges were taken from black pictures."""
    import numpy as np

    return _quantised(good, [np.zeros((1, 3, SIZE_PX, SIZE_PX), np.float32)] * 4, whole=True)


def int8_good(good: Exported) -> Exported:
    """INT8 of the convolutions alone, ranges from pictures of the calibration set, the head left out."""
    from deployhub.engine.evaluation import EvaluationSet

    pictures = EvaluationSet(
        DEMO / "shapes-calibration.zip", task="detect", height=SIZE_PX, width=SIZE_PX, channels=3, limit=64
    )
    return _quantised(good, [one.pixels[None] for one in pictures.pictures()], whole=False)


def _quantised(good: Exported, inputs: list[Any], *, whole: bool) -> Exported:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    from deployhub.engine.checks.budget import budget_default

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            taken = next(self._left, None)
            return None if taken is None else {"images": taken}

    bad = copied(good)
    path = bad.folder / "model.onnx"
    head = [node.name for node in onnx.load(str(path)).graph.node if "/model.22/" in node.name]
    quantize_static(
        str(path), str(path), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        op_types_to_quantize=None if whole else ["Conv"], nodes_to_exclude=[] if whole else head,
    )  # fmt: skip
    bad.budget = budget_default("int8")
    return bad


def damages(good: Exported) -> Iterator[tuple[str, Callable[[], Exported]]]:
    """Every damage by its name; each is made when it is asked for."""
    for name, damage in GRAPH_DAMAGES.items():
        yield name, lambda damage=damage: graph_damaged(good, damage)  # type: ignore[misc]
    yield "truncated file", lambda: truncated(good)
    yield "another model's weights", lambda: of_another_model(good)
    yield "NMS threshold changed", nms_threshold_changed
    yield "INT8 calibrated on black pictures", lambda: int8_collapsed(good)


CLEAN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("onnx", {}),
    ("onnx", {"precision": "fp16"}),
    ("onnx", {"dynamic": True}),
    ("onnx", {"batch": 4}),
    ("onnx", {"nms": True}),
    ("onnx", {"nms": True, "batch": 2}),
    ("onnx", {"nms": True, "confidence_percent": 50, "overlap_percent": 45}),
    ("onnx", {"opset": 13, "simplify": False}),
    ("onnx", {"image_size_px": 96}),
    ("onnx", {"image_size_px": 192}),
    ("torchscript", {}),
    ("torchscript", {"batch": 3}),
    ("torchscript", {"nms": True}),
    ("torchscript", {"dynamic": True}),
    ("openvino", {}),
    ("openvino", {"precision": "fp16"}),
    ("openvino", {"dynamic": True}),
    ("openvino", {"nms": True}),
    ("openvino", {"batch": 2}),
    ("openvino", {"image_size_px": 128}),
)
"""Exports as they should be, over formats, precisions and options."""

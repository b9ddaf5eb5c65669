"""ONNX, run by ONNX Runtime."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner, option
from deployhub.engine.spec import EngineError
from deployhub.engine.yolo_export import YOLO_CONFLICTS, YoloOptions, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images

# Above 20 the tracing exporter of torch refuses; below 12 attention blocks have no operators.
OPSET_MINIMUM, OPSET_MAXIMUM, OPSET_DEFAULT = 12, 20, 18


class OnnxRunner(Runner):
    runtime = "onnxruntime"

    def __init__(self, path: Path) -> None:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3
        # Naming the number keeps ONNX Runtime from pinning threads, which a confined process may not.
        settings.intra_op_num_threads = len(os.sched_getaffinity(0))
        self.version = onnxruntime.__version__
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=settings, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0]
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, images: Images) -> list[NamedOutput]:
        import numpy as np

        dtype = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(
            self._input.type, np.float32
        )
        answers = self._session.run(None, {self._input.name: images.astype(dtype, copy=False)})
        return [
            NamedOutput(name, np.asarray(values, dtype=np.float32))
            for name, values in zip(self._names, answers, strict=True)
        ]


class Onnx(Format):
    key = "onnx"
    label = "ONNX"
    description = (
        "An open graph that most runtimes read: ONNX Runtime, OpenVINO, TensorRT and many more. "
        "The best first choice when the target is not yet known."
    )
    suffix = ".onnx"
    runtimes = ("onnxruntime",)
    precisions = ("fp32", "fp16")
    packages = ("ultralytics", "torch", "onnx", "onnxruntime", "onnxslim")
    conflicts = YOLO_CONFLICTS

    @dataclass(frozen=True)
    class Options(YoloOptions):
        opset: int = option(
            OPSET_DEFAULT,
            label="Opset",
            help="Version of ONNX's set of operators. Lower it for an old runtime.",
            minimum=OPSET_MINIMUM,
            maximum=OPSET_MAXIMUM,
        )
        simplify: bool = option(
            True,
            label="Simplify",
            help="Fold constants and drop operators that do nothing. The result is the same, the graph smaller.",
        )

    def export(self, request: ExportRequest) -> Path:
        return yolo_export(
            request, format="onnx", opset=request.options.opset, simplify=request.options.simplify
        )

    def described(self, path: Path) -> dict[str, Any]:
        from deployhub.engine.onnx_file import onnx_facts

        try:
            facts = onnx_facts(path)
        except EngineError:
            return {}  # what can't be read is told by the runtime, which can't open it either
        told = {
            "class_names": facts.class_names,
            "stride": facts.stride,
            "task": facts.task,
            "opset": facts.opset,
        }
        return {
            **{name: value for name, value in told.items() if value is not None},
            "nodes": sum(facts.operators.values()),
            "parameters": facts.parameters,
            "inputs": facts.inputs,
            "outputs": facts.outputs,
        }

    def open(self, path: Path, *, options: Any) -> Runner:
        return OnnxRunner(path)


FORMAT = Onnx()

"""OpenVINO, run by the OpenVINO runtime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import Conflict, ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.source import OnnxSource
from deployhub.engine.yolo_export import YOLO_CONFLICTS, YoloOptions, metadata_described, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images

GRAPH_NAME = "model.xml"


def telemetry_silence() -> None:
    """Keep OpenVINO's converter from counting its uses: it takes a stub when the package is missing."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def _names_settle(path: Path) -> None:
    """Name input and outputs as the other formats do; tracing leaves names such as `x.1` and `49`."""
    import openvino

    model = openvino.Core().read_model(path)
    for index, output in enumerate(model.outputs):
        output.get_tensor().set_names({f"output{index}"})
    for port in model.inputs:
        port.get_tensor().set_names({"images"})
    settled = path.with_name("settled.xml")
    openvino.save_model(model, settled, compress_to_fp16=False)
    # The graph is mapped from its file while the model lives; let go before the file is replaced.
    del model
    settled.with_suffix(".bin").replace(path.with_suffix(".bin"))
    settled.replace(path)


class OpenVinoRunner(Runner):
    runtime = "openvino"

    def __init__(self, folder: Path) -> None:
        import openvino

        self.version = openvino.__version__.split("-")[0]
        core = openvino.Core()
        # On processors with bfloat16 units OpenVINO would lower the precision by itself; the comparison is
        # about the file, so the arithmetic stays in float32.
        compiled = core.compile_model(
            core.read_model(folder / GRAPH_NAME), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        self._request = compiled.create_infer_request()
        self._outputs = compiled.outputs

    def run(self, images: Images) -> list[NamedOutput]:
        import numpy as np

        answers = self._request.infer({0: images})
        return [
            NamedOutput(_output_name(port.names, index), np.array(answers[port], dtype=np.float32))
            for index, port in enumerate(self._outputs)
        ]


def _output_name(names: set[str], index: int) -> str:
    """A tensor may carry several names: the one that was given on purpose, else any."""
    wanted = f"output{index}"
    return wanted if wanted in names else next(iter(sorted(names)), wanted)


class OpenVino(Format):
    key = "openvino"
    label = "OpenVINO"
    description = "A graph and its weights in a folder, for Intel processors, graphics and neural units."
    suffix = "_openvino_model"
    layout = "folder"
    runtimes = ("openvino",)
    precisions = ("fp32", "fp16")
    sources = ("pt", "onnx")
    packages = ("ultralytics", "torch", "openvino")
    Options = YoloOptions
    conflicts = (
        *YOLO_CONFLICTS,
        Conflict(
            {"source.kind": "onnx", "nms": True},
            "An ONNX model is converted as it is. For NMS in the graph, export from the .pt file.",
        ),
        Conflict(
            {"source.kind": "onnx", "end_to_end": True},
            "An ONNX model is converted as it is. For the NMS-free head, export from the .pt file.",
        ),
        Conflict(
            {"source.kind": "onnx", "dynamic": True},
            "An ONNX model keeps its own axes. For dynamic axes, export from the .pt file.",
        ),
    )

    def export(self, request: ExportRequest) -> Path:
        telemetry_silence()
        if isinstance(request.source, OnnxSource):
            return self._convert(request, request.source)
        folder = yolo_export(request, format="openvino")
        _names_settle(folder / GRAPH_NAME)
        return folder

    def _convert(self, request: ExportRequest, source: OnnxSource) -> Path:
        import openvino

        folder = request.folder / self.stable_name
        folder.mkdir()
        model = openvino.convert_model(str(source.path))
        openvino.save_model(model, folder / GRAPH_NAME, compress_to_fp16=request.options.precision == "fp16")
        return folder

    def described(self, path: Path) -> dict[str, Any]:
        return metadata_described(path / "metadata.yaml")

    def open(self, path: Path, *, options: Any) -> Runner:
        return OpenVinoRunner(path)


FORMAT = OpenVino()

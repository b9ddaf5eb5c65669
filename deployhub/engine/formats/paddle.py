"""PaddlePaddle, run by Paddle Inference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.yolo_export import FixedOptions, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images


class PaddleRunner(Runner):
    runtime = "paddle"

    def __init__(self, folder: Path) -> None:
        import paddle
        from paddle import inference

        self.version = paddle.__version__
        graph, weights = next(folder.rglob("*.json")), next(folder.rglob("*.pdiparams"))
        self._predictor = inference.create_predictor(inference.Config(str(graph), str(weights)))
        self._input = self._predictor.get_input_handle(self._predictor.get_input_names()[0])

    def run(self, images: Images) -> list[NamedOutput]:
        import numpy as np

        self._input.copy_from_cpu(np.ascontiguousarray(images, dtype=np.float32))
        self._predictor.run()
        return [
            NamedOutput(
                f"output{index}", np.array(self._predictor.get_output_handle(name).copy_to_cpu(), np.float32)
            )
            for index, name in enumerate(self._predictor.get_output_names())
        ]


class Paddle(Format):
    key = "paddle"
    label = "PaddlePaddle"
    description = "A graph and its weights in a folder, for programs built on Baidu's PaddlePaddle."
    suffix = "_paddle_model"
    layout = "folder"
    runtimes = ("paddle",)
    precisions = ("fp32",)
    packages = ("ultralytics", "torch", "paddlepaddle", "x2paddle")
    toolchain = "paddle"
    Options = FixedOptions

    def export(self, request: ExportRequest) -> Path:
        folder = yolo_export(request, format="paddle")
        # A script that x2paddle writes beside the graph, and the weights a second time for it.
        for extra in ("x2paddle_code.py", "model.pdparams"):
            (folder / extra).unlink(missing_ok=True)
        return folder

    def open(self, path: Path, *, options: Any) -> Runner:
        return PaddleRunner(path)


FORMAT = Paddle()

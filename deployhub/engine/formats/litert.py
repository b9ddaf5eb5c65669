"""LiteRT (formerly TensorFlow Lite), run by LiteRT's interpreter."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.fingerprint import package_version
from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.yolo_export import FixedOptions, precision_option, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images

METADATA_NAME = "metadata.json"
KEYPOINTS_AFTER = 4


class LiteRtRunner(Runner):
    """Coordinates come out as shares of the input's size, as every reader of such files expects; here in pixels."""

    runtime = "ai-edge-litert"

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.version = package_version("ai-edge-litert") or ""
        self._interpreter = Interpreter(str(path), num_threads=len(os.sched_getaffinity(0)))
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        with zipfile.ZipFile(path) as archive:
            self._metadata = json.loads(archive.read(METADATA_NAME))

    def run(self, images: Images) -> list[NamedOutput]:
        import numpy as np

        self._interpreter.set_tensor(self._input["index"], np.ascontiguousarray(images, dtype=np.float32))
        self._interpreter.invoke()
        answers = [
            np.array(self._interpreter.get_tensor(output["index"]), dtype=np.float32)
            for output in self._outputs
        ]
        answers = [
            self._in_pixels(answer, images.shape) if answer.ndim == 3 else answer for answer in answers
        ]
        # Mask prototypes may come first; predictions are what everybody calls output 0.
        answers.sort(key=lambda answer: answer.ndim)
        return [NamedOutput(f"output{index}", answer) for index, answer in enumerate(answers)]

    def _in_pixels(self, answer: Any, shape: tuple[int, ...]) -> Any:
        height, width = shape[2:]
        answer[:, [0, 2]] *= width
        answer[:, [1, 3]] *= height
        if self._metadata.get("task") == "pose":
            first, step = KEYPOINTS_AFTER + len(self._metadata["names"]), self._metadata["kpt_shape"][1]
            answer[:, first::step] *= width
            answer[:, first + 1 :: step] *= height
        return answer


class LiteRt(Format):
    key = "litert"
    label = "LiteRT"
    description = (
        "One file for Android and small Linux boards, through Google's LiteRT (formerly TensorFlow Lite)."
    )
    suffix = ".tflite"
    runtimes = ("ai-edge-litert",)
    precisions = ("fp32", "int8w")
    packages = ("ultralytics", "torch", "litert-torch", "ai-edge-litert")
    toolchain = "litert"

    @dataclass(frozen=True)
    class Options(FixedOptions):
        precision: str = precision_option(
            "fp32", "int8w", help="How weights are stored. int8w: weights in 8 bits, arithmetic in float."
        )

    def export(self, request: ExportRequest) -> Path:
        return yolo_export(
            request, format="litert", quantize="w8a32" if request.options.precision == "int8w" else None
        )

    def open(self, path: Path, *, options: Any) -> Runner:
        return LiteRtRunner(path)


FORMAT = LiteRt()

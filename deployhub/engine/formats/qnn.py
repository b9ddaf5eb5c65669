"""Qualcomm QNN: a context binary within an ONNX file, made with calibration images, run by Hexagon units only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhub.engine.plugin import ExportRequest, Format, NotHere, Runner, option
from deployhub.engine.spec import EngineError, ErrorCode
from deployhub.engine.yolo_export import FixedOptions, precision_option, yolo_export


class Qnn(Format):
    key = "qnn"
    label = "Qualcomm QNN"
    description = (
        "A compiled graph for Qualcomm Hexagon neural units, with 8-bit weights and 16-bit activations."
    )
    suffix = "_qnn.onnx"
    runtimes = ()
    precisions = ("w8a16",)
    packages = ("ultralytics", "torch", "onnx", "onnxruntime-qnn")
    toolchain = "qnn"
    calibration = "needed"

    @dataclass(frozen=True)
    class Options(FixedOptions):
        precision: str = precision_option(
            "w8a16", help="8-bit weights and 16-bit activations: what Hexagon runs best."
        )
        hexagon: str = option(
            "73",
            label="Hexagon version",
            help="73: Snapdragon 8 Gen 2 and X Elite; 75: 8 Gen 3; 79: 8 Elite; 81: 8 Elite Gen 5; 68, 69: older.",
            choices=("73", "75", "79", "81", "69", "68"),
        )

    def export(self, request: ExportRequest) -> Path:
        if request.calibration is None:
            raise EngineError(
                ErrorCode.INVALID_OPTIONS,
                "This format needs calibration images.",
                "Choose a dataset of the project as calibration set.",
            )
        return yolo_export(request, format="qnn", simplify=True, name=request.options.hexagon)

    def open(self, path: Path, *, options: Any) -> Runner:
        raise NotHere("QNN runs on Qualcomm Hexagon neural units only.")


FORMAT = Qnn()

"""Core ML: made on Linux, run by Apple's systems only."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhub.engine.plugin import ExportRequest, Format, NotHere, Runner
from deployhub.engine.yolo_export import FixedOptions, precision_option, yolo_export


class CoreMl(Format):
    key = "coreml"
    label = "CoreML"
    description = "An ML package for iPhones, iPads and Macs."
    suffix = ".mlpackage"
    layout = "folder"
    runtimes = ()
    precisions = ("fp32", "fp16")
    packages = ("ultralytics", "torch", "coremltools")
    toolchain = "coreml"

    @dataclass(frozen=True)
    class Options(FixedOptions):
        precision: str = precision_option(
            "fp32", "fp16", help="How weights are stored. fp16 halves the package."
        )

    def export(self, request: ExportRequest) -> Path:
        return yolo_export(request, format="coreml")

    def open(self, path: Path, *, options: Any) -> Runner:
        where = (
            "macOS is not supported by this engine"
            if sys.platform == "darwin"
            else "CoreML runs on macOS only"
        )
        raise NotHere(f"{where}.")


FORMAT = CoreMl()

"""MNN, run by MNN."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.yolo_export import FixedOptions, precision_option, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images


def telemetry_silence() -> None:
    """MNN's converter installs a log client with pip and reports its uses; it takes a client that says nothing."""
    silent = types.ModuleType("aliyun.log")
    silent.LogClient = silent.PutLogsRequest = silent.LogItem = object  # type: ignore[attr-defined]
    for name in ("aliyun", "aliyun.log", "aliyun.log.logitem"):
        sys.modules.setdefault(name, silent)


class MnnRunner(Runner):
    runtime = "MNN"

    def __init__(self, path: Path) -> None:
        telemetry_silence()
        import MNN

        self.version = MNN.version()
        self._expr = MNN.expr
        # "high": float32 arithmetic on every processor; the comparison is about the file.
        manager = MNN.nn.create_runtime_manager(({"precision": "high", "backend": "CPU", "numThread": 1},))
        self._net = MNN.nn.load_module_from_file(str(path), [], [], runtime_manager=manager, rearrange=True)

    def run(self, images: Images) -> list[NamedOutput]:
        import numpy as np

        block = np.ascontiguousarray(images, dtype=np.float32)
        answers = self._net.onForward([self._expr.const(block.ctypes.data, list(block.shape))])
        if not answers:
            raise RuntimeError("MNN returned no output.")
        return [
            NamedOutput(f"output{index}", np.array(answer.read(), dtype=np.float32))
            for index, answer in enumerate(answers)
        ]


class Mnn(Format):
    key = "mnn"
    label = "MNN"
    description = "One file for phones and small boards through Alibaba's MNN."
    suffix = ".mnn"
    runtimes = ("MNN",)
    precisions = ("fp32", "fp16", "int8w")
    packages = ("ultralytics", "torch", "MNN", "onnx", "onnxslim")
    toolchain = "mnn"

    @dataclass(frozen=True)
    class Options(FixedOptions):
        precision: str = precision_option(
            "fp32",
            "fp16",
            "int8w",
            help="How weights are stored. int8w: weights in 8 bits, arithmetic in float.",
        )

    def export(self, request: ExportRequest) -> Path:
        telemetry_silence()
        return yolo_export(request, format="mnn", simplify=True)

    def open(self, path: Path, *, options: Any) -> Runner:
        return MnnRunner(path)


FORMAT = Mnn()

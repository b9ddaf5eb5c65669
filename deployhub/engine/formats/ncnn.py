"""NCNN, run by ncnn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.yolo_export import FixedOptions, precision_option, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images

GRAPH_NAME, WEIGHTS_NAME = "model.ncnn.param", "model.ncnn.bin"


class NcnnRunner(Runner):
    runtime = "ncnn"

    def __init__(self, folder: Path) -> None:
        import ncnn

        self.version = ncnn.__version__
        self._ncnn = ncnn
        self._net = ncnn.Net()
        options = self._net.opt
        options.use_vulkan_compute = False
        options.num_threads = len(os.sched_getaffinity(0))
        # On processors with such units ncnn would lower the precision by itself; the comparison is about the file.
        options.use_fp16_arithmetic = options.use_fp16_storage = options.use_fp16_packed = False
        options.use_bf16_storage = False
        if self._net.load_param(str(folder / GRAPH_NAME)) or self._net.load_model(str(folder / WEIGHTS_NAME)):
            raise RuntimeError("ncnn could not read the graph or its weights.")

    def run(self, images: Images) -> list[NamedOutput]:
        import numpy as np

        names = sorted(self._net.output_names())
        answers: list[list[Any]] = []
        for image in images:
            with self._net.create_extractor() as extractor:
                extractor.input(self._net.input_names()[0], self._ncnn.Mat(np.ascontiguousarray(image)))
                answers.append([np.array(extractor.extract(name)[1], dtype=np.float32) for name in names])
        return [
            NamedOutput(f"output{index}", np.stack(values))
            for index, values in enumerate(zip(*answers, strict=True))
        ]


class Ncnn(Format):
    key = "ncnn"
    label = "NCNN"
    description = "A graph and its weights in a folder, for phones and ARM boards through Tencent's ncnn."
    suffix = "_ncnn_model"
    layout = "folder"
    runtimes = ("ncnn",)
    precisions = ("fp32", "fp16")
    packages = ("ultralytics", "torch", "ncnn", "pnnx")
    toolchain = "ncnn"

    @dataclass(frozen=True)
    class Options(FixedOptions):
        precision: str = precision_option(
            "fp32", "fp16", help="How weights are stored. fp16 halves the file."
        )

    def export(self, request: ExportRequest) -> Path:
        folder = yolo_export(request, format="ncnn")
        # A script that pnnx writes beside the graph, with the paths of this machine in it.
        (folder / "model_ncnn.py").unlink(missing_ok=True)
        return folder

    def open(self, path: Path, *, options: Any) -> Runner:
        return NcnnRunner(path)


FORMAT = Ncnn()

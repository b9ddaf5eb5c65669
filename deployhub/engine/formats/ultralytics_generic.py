"""Every other format that the installed Ultralytics can write, as far as its table tells.

The table is read from the exporter's source text with `ast`: importing it would import torch, and the
catalogue is asked for by processes that must stay light. Each of these formats needs a toolchain that has
to live in an interpreter of its own, so all are listed as not available here, with what they need.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deployhub.engine.plugin import ExportRequest, Format, Runner
from deployhub.engine.spec import EngineError, ErrorCode

OWN_FILES = frozenset({"-", "onnx", "torchscript", "openvino"})


@dataclass(frozen=True)
class Toolchain:
    """What a format is for, and what making it takes."""

    needs: str
    target: str


TOOLCHAINS = {
    "engine": Toolchain("TensorRT and an NVIDIA GPU", "NVIDIA graphics processors and Jetson boards"),
    "coreml": Toolchain("the coremltools toolchain", "iPhones, iPads and Macs"),
    "coreai": Toolchain("Apple's Core AI toolchain", "Apple devices from the 2026 systems on"),
    "saved_model": Toolchain("the TensorFlow toolchain", "TensorFlow Serving"),
    "pb": Toolchain("the TensorFlow toolchain", "older TensorFlow programs"),
    "edgetpu": Toolchain(
        "the TensorFlow toolchain and Google's Edge TPU compiler", "Coral Edge TPU accelerators"
    ),
    "litert": Toolchain("the litert-torch toolchain", "Android and small Linux boards"),
    "paddle": Toolchain("the PaddlePaddle toolchain", "PaddlePaddle programs"),
    "mnn": Toolchain("the MNN toolchain", "phones, through Alibaba's MNN"),
    "ncnn": Toolchain("the ncnn and pnnx toolchain", "phones and ARM boards, through Tencent's ncnn"),
    "imx": Toolchain("Sony's IMX500 converter", "Sony IMX500 cameras"),
    "rknn": Toolchain("Rockchip's rknn-toolkit2", "Rockchip neural units"),
    "executorch": Toolchain(
        "the ExecuTorch toolchain", "phones and embedded devices, through PyTorch's ExecuTorch"
    ),
    "axelera": Toolchain("Axelera's Voyager toolchain", "Axelera accelerators"),
    "deepx": Toolchain("DEEPX's compiler", "DEEPX neural units"),
    "qnn": Toolchain("the onnxruntime-qnn toolchain", "Qualcomm Hexagon neural units"),
    "hailo": Toolchain("Hailo's Dataflow Compiler", "Hailo accelerators"),
    "ascend": Toolchain("Huawei's CANN toolkit", "Huawei Ascend processors"),
    "xilinx": Toolchain("AMD's Vitis AI toolchain", "AMD Versal and Zynq devices"),
}


@dataclass(frozen=True)
class NoOptions:
    """A format that can't be exported here offers no options."""


class GenericFormat(Format):
    """One row of Ultralytics' table."""

    runtimes = ()
    Options = NoOptions

    def __init__(self, *, key: str, label: str, suffix: str, precisions: tuple[str, ...]) -> None:
        toolchain = TOOLCHAINS.get(key, Toolchain("a toolchain of its own", "its own devices"))
        self.needs = toolchain.needs
        # The class declares these for formats with a file of their own; here each row has its own.
        self.__dict__.update(
            key=key,
            label=label,
            suffix=suffix,
            layout="folder" if _is_folder(suffix) else "file",
            description=f"For {toolchain.target}.",
            precisions=precisions,
        )

    def available(self) -> str:
        return f"{self.label} needs {self.needs}. That comes with toolchains, which this version does not have yet."

    def export(self, request: ExportRequest) -> Path:
        raise self._refused()

    def open(self, path: Path, *, options: Any) -> Runner:
        raise self._refused()

    def _refused(self) -> EngineError:
        return EngineError(
            ErrorCode.INVALID_OPTIONS, self.available(), "Choose a format that is available here."
        )


def _is_folder(suffix: str) -> bool:
    return "." not in suffix or suffix == ".mlpackage"


def table_read(source_text: str) -> list[GenericFormat]:
    """Read `export_formats()` and the sets of precisions from the text of Ultralytics' exporter."""
    tree = ast.parse(source_text)
    sets: dict[str, frozenset[str]] = {}
    rows: list[list[Any]] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id.endswith("_FORMATS") and isinstance(node.value, ast.Call):
                sets[node.targets[0].id] = frozenset(ast.literal_eval(node.value.args[0]))
        elif isinstance(node, ast.FunctionDef) and node.name == "export_formats":
            table = next(step for step in node.body if isinstance(step, ast.Assign))
            rows = ast.literal_eval(table.value)
    none: frozenset[str] = frozenset()

    def precisions(key: str) -> tuple[str, ...]:
        offered = (
            ("fp32", key not in sets.get("FP32_UNSUPPORTED_FORMATS", none)),
            ("fp16", key in sets.get("FP16_FORMATS", none)),
            ("int8", key in sets.get("INT8_FORMATS", none)),
        )
        return tuple(name for name, holds in offered if holds)

    return [
        GenericFormat(key=key, label=label, suffix=suffix, precisions=precisions(key))
        for label, key, suffix, *_ in rows
        if key not in OWN_FILES
    ]


def _table_of_installed() -> list[GenericFormat]:
    # find_spec of the top package does not import it; of a submodule it would.
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        return []
    return table_read((Path(spec.origin).parent / "engine" / "exporter.py").read_text(encoding="utf-8"))


FORMAT = _table_of_installed()

"""Every other format that the installed Ultralytics can write, as far as its table tells.

The table is read from the exporter's source text with `ast`: importing it would import torch, and the
catalogue is asked for by processes that must stay light. Each of these formats needs a vendor's own tools:
its toolchain's declaration says which, and a worker that has them takes its exports.
"""

from __future__ import annotations

import ast
import dataclasses
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deployhub.engine.plugin import ExportRequest, Format, NotHere, Runner
from deployhub.engine.toolchains.declared import Need, Toolchain, release_current, toolchain_declared
from deployhub.engine.toolchains.making import build_obstacle
from deployhub.engine.yolo_export import FixedOptions, precision_option, yolo_export

OWN_FILES = frozenset(
    {
        "-", "onnx", "torchscript", "openvino", "ncnn", "mnn", "executorch", "litert", "coreml", "qnn", "saved_model",
        "pb", "paddle",
    }
)  # fmt: skip

# What each is for, and its toolchain where the names differ.
TARGETS = {
    "engine": "NVIDIA graphics processors and Jetson boards",
    "coreai": "Apple devices from the 2026 systems on",
    "edgetpu": "Coral Edge TPU accelerators",
    "imx": "Sony IMX500 cameras",
    "rknn": "Rockchip neural units",
    "axelera": "Axelera accelerators",
    "deepx": "DEEPX neural units",
    "hailo": "Hailo accelerators",
    "ascend": "Huawei Ascend processors",
    "xilinx": "AMD Versal and Zynq devices",
}
TOOLCHAINS = {"engine": "tensorrt"}


class GenericFormat(Format):
    """One row of Ultralytics' table: exported by Ultralytics where its toolchain is, and run on its hardware only."""

    runtimes = ()
    Options = FixedOptions

    def __init__(self, *, key: str, label: str, suffix: str, precisions: tuple[str, ...]) -> None:
        # The class declares these for formats with a file of their own; here each row has its own.
        self.__dict__.update(
            key=key,
            label=label,
            suffix=suffix,
            layout="folder" if _is_folder(suffix) else "file",
            description=f"For {TARGETS.get(key, 'its own devices')}.",
            precisions=precisions,
            toolchain=TOOLCHAINS.get(key, key),
            calibration="needed" if precisions == ("int8",) else "optional" if "int8" in precisions else "",
            Options=_options(precisions),
        )

    def available(self) -> str:
        return build_obstacle(self._declared())

    def _declared(self) -> Toolchain:
        try:
            return toolchain_declared(self.toolchain)
        except KeyError:
            # A format that a newer Ultralytics brought: nobody has declared yet what it takes.
            return Toolchain(
                key=self.toolchain,
                label=self.label,
                release=release_current(),
                python=(),
                needs=(Need(says=f"No toolchain is declared for {self.label} yet"),),
                builds=False,
            )

    def export(self, request: ExportRequest) -> Path:
        return yolo_export(request, format=self.key)

    def open(self, path: Path, *, options: Any) -> Runner:
        raise NotHere(f"{self.label} runs on {TARGETS.get(self.key, 'its own devices')} only.")


def _options(precisions: tuple[str, ...]) -> type[Any]:
    offered = precisions or ("fp32",)
    # Named like those of formats with a file of their own, so that errors read alike.
    return dataclasses.make_dataclass(
        "Options", [("precision", str, precision_option(*offered))], bases=(FixedOptions,), frozen=True
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

"""TorchScript, run by torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner, option
from deployhub.engine.yolo_export import YOLO_CONFLICTS, YoloOptions, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images


class TorchScriptRunner(Runner):
    runtime = "torch"

    def __init__(self, path: Path) -> None:
        import torch

        self.version = torch.__version__
        self._module = torch.jit.load(str(path), map_location="cpu").eval()

    def run(self, images: Images) -> list[NamedOutput]:
        import torch

        with torch.inference_mode():
            answer = self._module(torch.from_numpy(images))
        tensors = list(answer) if isinstance(answer, tuple | list) else [answer]
        return [NamedOutput(f"output{index}", tensor.float().numpy()) for index, tensor in enumerate(tensors)]


class TorchScript(Format):
    key = "torchscript"
    label = "TorchScript"
    description = (
        "The model as one file for libtorch: C++ or Python programs run it without the training code."
    )
    suffix = ".torchscript"
    runtimes = ("torch",)
    # fp16 is traced on a GPU only: half-precision convolutions on a CPU are not what would be deployed.
    precisions = ("fp32",)
    packages = ("ultralytics", "torch")
    conflicts = YOLO_CONFLICTS

    @dataclass(frozen=True)
    class Options(YoloOptions):
        precision: str = option(
            "fp32",
            label="Precision",
            help="How numbers are stored. fp16 TorchScript needs a GPU to be made, and is not offered here.",
            choices=("fp32",),
        )

    def export(self, request: ExportRequest) -> Path:
        return yolo_export(request, format="torchscript")

    def open(self, path: Path, *, options: Any) -> Runner:
        return TorchScriptRunner(path)


FORMAT = TorchScript()

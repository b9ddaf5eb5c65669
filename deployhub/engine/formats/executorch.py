"""ExecuTorch, run by its own runtime with the XNNPACK backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.fingerprint import package_version
from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.yolo_export import FixedOptions, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images

PROGRAM_NAME = "model.pte"


class ExecuTorchRunner(Runner):
    runtime = "executorch"

    def __init__(self, folder: Path) -> None:
        from executorch.runtime import Runtime

        self.version = package_version("executorch") or ""
        # The method reads the program's memory: both live as long as this runner.
        self._program = Runtime.get().load_program(str(folder / PROGRAM_NAME))
        self._method = self._program.load_method("forward")

    def run(self, images: Images) -> list[NamedOutput]:
        import torch

        answers = self._method.execute([torch.from_numpy(images)])
        return [
            NamedOutput(f"output{index}", tensor.float().numpy().copy())
            for index, tensor in enumerate(answers)
        ]


class ExecuTorch(Format):
    key = "executorch"
    label = "ExecuTorch"
    description = "A program in a folder for phones and embedded devices, through PyTorch's ExecuTorch."
    suffix = "_executorch_model"
    layout = "folder"
    runtimes = ("executorch",)
    precisions = ("fp32",)
    packages = ("ultralytics", "torch", "executorch")
    toolchain = "executorch"
    Options = FixedOptions

    def export(self, request: ExportRequest) -> Path:
        return yolo_export(request, format="executorch")

    def open(self, path: Path, *, options: Any) -> Runner:
        return ExecuTorchRunner(path)


FORMAT = ExecuTorch()

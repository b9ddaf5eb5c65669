"""Models and a way to run one spec in this process, without the sandbox: what is tested is the work itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Read by Ultralytics when it is first imported, so before any test does.
os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "1")

DEMO_MODEL = Path(__file__).parents[3] / "deployhub" / "engine" / "demo" / "shapes-yolov8n.pt"


class EngineRun:
    """One finished run: its result, events and output folder."""

    def __init__(self, result: dict[str, Any], events: list[dict[str, Any]], workdir: Path) -> None:
        self.result, self.events, self.workdir = result, events, workdir

    @property
    def out(self) -> Path:
        return self.workdir / "out"


@pytest.fixture(scope="session")
def engine_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., EngineRun]:
    def run(source: Path, kind: str = "export", format: str = "onnx", **options: Any) -> EngineRun:
        from deployhub.engine.run import run_spec

        workdir = tmp_path_factory.mktemp("work")
        (workdir / "in").mkdir()
        shutil.copy(source, workdir / "in" / f"model{source.suffix}")
        spec = {
            "kind": kind,
            "source": f"in/model{source.suffix}",
            "format": format,
            "options": options,
            "seed": 0,
        }
        (workdir / "spec.json").write_text(json.dumps(spec))
        events: list[dict[str, Any]] = []
        return EngineRun(run_spec(workdir=workdir, emit=events.append), events, workdir)

    return run


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """YOLOv8n, trained on generated shapes."""
    return DEMO_MODEL


@pytest.fixture(scope="session")
def blank_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A network of any family and task as its yaml describes it, untrained: `blank_model("yolo11n-seg")`."""
    folder = tmp_path_factory.mktemp("blank")

    def make(name: str) -> Path:
        from ultralytics import YOLO

        path = folder / f"{name}.pt"
        if not path.exists():
            YOLO(f"{name}.yaml").save(path)
        return path

    return make


@pytest.fixture(scope="session")
def lively_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A network whose answers depend on the image, though nothing was trained.

    A fresh network's activations die out on their way, and it answers every image alike. Fitting the
    batch normalisation to such images as are compared keeps them at unit variance.
    """
    folder = tmp_path_factory.mktemp("lively")

    def make(name: str) -> Path:
        import numpy as np
        import torch
        from ultralytics import YOLO

        from deployhub.engine.probe_images import noise_draw, shapes_draw

        path = folder / f"{name}.pt"
        if path.exists():
            return path
        torch.manual_seed(0)
        wrapper = YOLO(f"{name}.yaml")
        model = wrapper.model
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
                module.reset_running_stats()
        with torch.no_grad():
            for seed in range(4):
                shape = {"seed": seed, "count": 2, "channels": 3, "height": 96, "width": 96}
                model(torch.from_numpy(np.concatenate([shapes_draw(**shape), noise_draw(**shape)])))
        model.eval()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                # Dividing by a variance near zero would make rounding errors look like differences.
                module.running_var.clamp_(min=1e-2)
        wrapper.save(path)
        return path

    return make

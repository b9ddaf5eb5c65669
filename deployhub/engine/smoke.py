"""A toolchain's smoke test: import its packages, and export, open and run a small network in each of its formats."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployhub.engine.catalogue import format_find
from deployhub.engine.fingerprint import toolchain_versions
from deployhub.engine.plugin import ExportRequest, NotHere
from deployhub.engine.spec import EngineError, ErrorCode

SMOKE_NETWORK = "yolov8n.yaml"
SMOKE_IMAGE_SIZE_PX = 64
Emit = Callable[[dict[str, Any]], None]


def smoke_run(spec: dict[str, Any], *, scratch: Path, emit: Emit) -> dict[str, Any]:
    """Returns versions and what became of each format. Raises EngineError with the first thing that fails."""
    for name in spec.get("modules", []):
        try:
            importlib.import_module(name)
        except Exception as error:
            raise EngineError(
                ErrorCode.TOOLCHAIN_FAILED,
                f"The package {name} can't be imported: {type(error).__name__}: {error}"[:600],
                "Rebuild the toolchain; if it stays, the machine lacks something that the package needs.",
            ) from error
    exports = [_export(key, scratch=scratch, emit=emit) for key in spec.get("formats", [])]
    version = sys.version_info
    return {
        "python": f"{version.major}.{version.minor}.{version.micro}",
        "versions": toolchain_versions(),
        "exports": exports,
    }


def _export(key: str, *, scratch: Path, emit: Emit) -> dict[str, Any]:
    import numpy as np
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from deployhub.engine.source import PtSource

    chosen = format_find(key)
    if reason := chosen.available():
        raise EngineError(ErrorCode.TOOLCHAIN_FAILED, reason, "Rebuild the toolchain.")
    if chosen.calibration == "needed":
        return {
            "format": key,
            "seconds": 0.0,
            "ran": False,
            "note": "It needs calibration images to be exported.",
        }
    torch.manual_seed(0)
    model: Any = DetectionModel(SMOKE_NETWORK, nc=3, verbose=False)
    model.names = {0: "circle", 1: "square", 2: "triangle"}
    model.task, model.args = "detect", {"imgsz": SMOKE_IMAGE_SIZE_PX, "data": ""}
    source = PtSource(Path(SMOKE_NETWORK), model, {})
    options = chosen.Options(image_size_px=SMOKE_IMAGE_SIZE_PX)
    folder = scratch / f"smoke-{key}"
    folder.mkdir()
    started = time.monotonic()
    try:
        path = chosen.export(
            ExportRequest(source=source, options=options, folder=folder, seed=0, log=lambda text: None)
        )
        ran, note = True, ""
        try:
            runner = chosen.open(path, options=options)
            runner.run(np.zeros((1, 3, SMOKE_IMAGE_SIZE_PX, SMOKE_IMAGE_SIZE_PX), dtype=np.float32))
        except NotHere as why:
            ran, note = False, str(why)
    except (MemoryError, EngineError):
        raise
    except Exception as error:
        raise EngineError(
            ErrorCode.TOOLCHAIN_FAILED,
            f"A small {chosen.label} export did not run: {type(error).__name__}: {error}"[:600],
            "Rebuild the toolchain; if it stays, report it with the job's log.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    emit(
        {
            "type": "log",
            "level": "info",
            "text": f"A small {chosen.label} export {'ran' if ran else 'was made'}.",
        }
    )
    return {"format": key, "seconds": round(time.monotonic() - started, 2), "ran": ran, "note": note}

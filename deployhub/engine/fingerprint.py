"""What ran where: versions of the toolchain and a description of the machine."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

TOOLCHAIN = (
    "ultralytics", "torch", "torchvision", "numpy", "onnx", "onnxruntime", "onnxslim", "openvino", "ncnn", "pnnx",
    "MNN", "executorch", "litert-torch", "ai-edge-litert", "coremltools", "onnxruntime-qnn", "paddlepaddle",
    "x2paddle", "tensorflow", "onnx2tf",
)  # fmt: skip


@cache
def package_version(name: str) -> str | None:
    """The installed version of a package, read from its metadata without importing it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def toolchain_versions(names: tuple[str, ...] = TOOLCHAIN) -> dict[str, str]:
    """Versions of the packages that take part in an export, for those that are installed."""
    return {name: version for name in names if (version := package_version(name)) is not None}


def machine_describe() -> dict[str, object]:
    """Name the processor, the cores that this process may use, the system and the Python."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    # No subprocess: the confined child can't start one. /proc may be closed to it as well.
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            key, _, name = line.partition(":")
            if key.strip().lower() in {"model name", "hardware", "cpu model"} and name.strip():
                return name.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"

"""Certificates of all five tasks, on models that were trained for them, and of heads that need no suppression."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

for name, value in (("ULTRALYTICS_SAFE_LOAD", "1"), ("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "1")):
    os.environ.setdefault(name, value)

from tests.engine.checks.damages import certified, channels_reversed, exported, graph_damaged  # noqa: E402
from tests.engine.checks.models import (  # noqa: E402
    CROP_SIZE_PX,
    IMAGE_SIZE_PX,
    evaluation_zip,
    model_trained,
)

pytestmark = [pytest.mark.engine, pytest.mark.slow]
TASKS = {"yolov8n-seg": "segment", "yolov8n-pose": "pose", "yolov8n-obb": "obb", "yolov8n-cls": "classify"}
METRICS = {
    "segment": {"map50_95": "box.map", "mask_map50_95": "seg.map"},
    "pose": {"map50_95": "box.map", "pose_map50_95": "pose.map"},
    "obb": {"map50_95": "box.map"},
    "classify": {"top1": "top1", "top5": "top5"},
}


def size_of(task: str) -> int:
    return CROP_SIZE_PX if task == "classify" else IMAGE_SIZE_PX


def why(result: dict[str, Any]) -> Any:
    return [line for line in result["lines"] if line["holds"] is False] or result["reason"]


@pytest.mark.parametrize("name", TASKS)
def test_a_good_export_of_each_task_passes_and_a_damaged_one_does_not(name: str) -> None:
    task = TASKS[name]
    source, dataset = model_trained(name), evaluation_zip(task)
    good = exported("onnx", source=source, image_size_px=size_of(task))
    result = certified(good, source=source, dataset=dataset)
    assert result["outcome"] == "passed", why(result)
    assert set(METRICS[task]) <= set(result["metrics"])
    damaged = graph_damaged(good, channels_reversed)
    assert certified(damaged, source=source, dataset=dataset, images=12)["outcome"] == "failed"


@pytest.mark.parametrize("name", TASKS)
def test_figures_of_each_task_are_those_of_yolo_val(name: str, tmp_path: Path) -> None:
    from operator import attrgetter

    from ultralytics import YOLO

    task = TASKS[name]
    source, dataset = model_trained(name), evaluation_zip(task)
    with zipfile.ZipFile(dataset) as archive:
        archive.extractall(tmp_path / "set")
    data = tmp_path / "set"
    if task != "classify":
        description = data / "data.yaml"
        description.write_text(
            f"path: {data}\n" + description.read_text().replace("images/train", "images/val")
        )
        data = description
    else:
        (data / "train").symlink_to(data / "val")
    told = YOLO(source).val(
        data=str(data), imgsz=size_of(task), batch=1, rect=False, plots=False, verbose=False, device="cpu", workers=0,
        project=str(tmp_path / "runs"), overlap_mask=False,
    )  # fmt: skip
    good = exported("onnx", source=source, image_size_px=size_of(task))
    measured = certified(good, source=source, dataset=dataset, images=500)["metrics"]
    for ours, theirs in METRICS[task].items():
        assert measured[ours]["source"] == pytest.approx(attrgetter(theirs)(told), abs=0.005), ours

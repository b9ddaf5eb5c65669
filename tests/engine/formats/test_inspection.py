"""Inspection tells what a model is, whoever trained it and wherever."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from deployhub.engine.run import _EventHandler

pytestmark = pytest.mark.engine

SUFFIXES = {"detect": "", "segment": "-seg", "classify": "-cls", "pose": "-pose", "obb": "-obb"}
FAMILIES = {"yolov8": "YOLOv8", "yolo11": "YOLO11", "yolo26": "YOLO26"}


def test_the_demo_model_is_described(engine_run: Callable, demo_model: Path) -> None:
    result = engine_run(demo_model, kind="inspect").result
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert (result["task"], result["architecture"], result["variant"]) == ("detect", "YOLOv8", "n")
    assert result["image_size_px"] == [160, 160]
    assert {"circle", "square", "triangle"} <= set(result["class_names"])
    assert 3_000_000 < result["parameters"] < 3_100_000
    assert result["gflops"] == pytest.approx(0.51, abs=0.05)
    assert result["stride"] == 32
    assert result["end_to_end"] is False
    assert result["inputs"] == [{"name": "images", "shape": [1, 3, 160, 160], "dtype": "float32"}]
    assert result["outputs"][0]["shape"] == [1, 4 + len(result["class_names"]), 525]
    assert result["layers"][0] == {"index": 0, "type": "Conv", "parameters": 464}
    assert sum(layer["parameters"] for layer in result["layers"]) == result["parameters"]
    assert result["trained_with"]["arguments"]["epochs"] > 0
    assert result["trained_with"]["metrics"]["metrics/mAP50(B)"] > 0.5
    assert result["scan"]["verdict"] == "accepted"


def test_an_onnx_file_is_described_without_being_run(engine_run: Callable, demo_model: Path) -> None:
    graph = engine_run(demo_model, image_size_px=96).out / "model.onnx"
    result = engine_run(graph, kind="inspect").result
    assert result["kind"] == "onnx"
    assert (result["task"], result["stride"], result["opset"]) == ("detect", 32, 18)
    assert result["image_size_px"] == [96, 96]
    assert result["inputs"] == [{"name": "images", "shape": [1, 3, 96, 96], "dtype": "float32"}]
    assert result["outputs"][0]["name"] == "output0"
    assert result["parameters"] > 3_000_000
    assert result["gflops"] is None
    assert result["operators"]["Conv"] > 50


def test_an_onnx_file_of_another_tool_leaves_open_what_it_does_not_say(
    engine_run: Callable, tmp_path: Path
) -> None:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["picture"], ["answer"])],
        "plain",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 3, None, None])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["batch", 3, None, None])],
    )
    path = tmp_path / "plain.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    result = engine_run(path, kind="inspect").result
    assert result["inputs"][0]["shape"] == ["batch", 3, None, None]
    for unsaid in ("task", "architecture", "variant", "class_names", "image_size_px", "stride", "end_to_end"):
        assert result[unsaid] is None


def test_of_the_training_arguments_only_plain_values_are_kept_and_no_paths() -> None:
    from deployhub.engine.inspection import scalars_keep

    kept = scalars_keep(
        {
            "data": "/home/alice/secret-project/data.yaml",
            "save_dir": "C:\\Users\\bob\\runs\\train",
            "epochs": 100,
            "lr0": 0.01,
            "amp": True,
            "resume": None,
            "classes": [1, 2],
            "loss": float("nan"),
        }
    )
    assert kept == {
        "data": "data.yaml", "save_dir": "train", "epochs": 100, "lr0": 0.01, "amp": True, "resume": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["yolo11n-seg", "yolo26n-pose", "yolov8n-cls"])
def test_families_and_tasks_are_recognised(engine_run: Callable, blank_model: Callable, name: str) -> None:
    _recognised(engine_run, blank_model, name)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", list(SUFFIXES.values()))
@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_family_and_task_is_recognised(
    engine_run: Callable, blank_model: Callable, family: str, suffix: str
) -> None:
    _recognised(engine_run, blank_model, f"{family}n{suffix}")


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["s", "m", "l", "x"])
def test_every_variant_is_recognised(engine_run: Callable, blank_model: Callable, variant: str) -> None:
    assert engine_run(blank_model(f"yolo11{variant}-cls"), kind="inspect").result["variant"] == variant


def _recognised(engine_run: Callable, blank_model: Callable, name: str) -> None:
    result = engine_run(blank_model(name), kind="inspect").result
    stem, _, task = name.partition("-")
    assert result["task"] == next(key for key, value in SUFFIXES.items() if value.removeprefix("-") == task)
    assert result["architecture"] == FAMILIES[stem[:-1]]
    assert result["variant"] == stem[-1]
    assert result["parameters"] > 1_000_000
    assert result["gflops"] > 0
    assert result["end_to_end"] is (stem.startswith("yolo26") and task != "cls")


def test_a_renamed_description_is_recognised_by_its_blocks() -> None:
    from types import SimpleNamespace

    from deployhub.engine.inspection import family_name

    def network(yaml: dict, *blocks: str) -> SimpleNamespace:
        return SimpleNamespace(yaml=yaml, model=[type(block, (), {})() for block in blocks])

    scales = {"n": [0.33, 0.25, 1024], "s": [0.33, 0.50, 1024]}
    own = {"yaml_file": "our-net.yaml", "depth_multiple": 0.33, "width_multiple": 0.5, "scales": scales}
    assert family_name(network(own, "Conv", "C2f", "Detect")) == ("YOLOv8", "s")
    assert family_name(network({}, "C3k2", "C2PSA", "Detect")) == ("YOLO11", None)
    assert family_name(network({}, "Linear")) == (None, None)


def test_the_log_tells_neither_work_folders_nor_pictograms(tmp_path: Path) -> None:
    sent: list[dict] = []
    handler = _EventHandler(sent.append, workdir=tmp_path)
    said = f"\x1b[1mONNX:\x1b[0m export success \u2705 0.9s, saved as '{tmp_path}/model.onnx' \U0001f680"
    handler.emit(logging.LogRecord("ultralytics", logging.INFO, "", 0, said, None, None))
    assert [event["text"] for event in sent] == ["ONNX: export success 0.9s, saved as 'model.onnx'"]

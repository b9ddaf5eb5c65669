"""Each format really is exported, opened in its runtime, and found to be the same model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from deployhub.engine.spec import EngineError, ErrorCode

pytestmark = pytest.mark.engine

SIZE = 96
STABLE_FILES = {
    "onnx": {"model.onnx"},
    "torchscript": {"model.torchscript"},
    "openvino": {f"model_openvino_model/{name}" for name in ("model.xml", "model.bin", "metadata.yaml")},
}
RUNTIMES = {"onnx": "onnxruntime", "torchscript": "torch", "openvino": "openvino"}


@pytest.mark.parametrize("format", list(STABLE_FILES))
def test_an_export_runs_and_equals_its_source(engine_run: Callable, demo_model: Path, format: str) -> None:
    run = engine_run(demo_model, format=format, image_size_px=SIZE)
    result = run.result
    assert result["proof"] == "verified", result["proof_reason"]
    assert result["proof_reason"] == ""
    assert result["runtime"]["name"] == RUNTIMES[format]
    assert result["comparison"]["inputs_compared"] == 3
    assert result["comparison"]["outputs"][0]["relative_error"] < 1e-4
    assert result["comparison"]["outputs"][0]["name"] == "output0"
    assert result["latency_ms"]["runs"] == 10
    assert result["latency_ms"]["artifact"] > 0
    assert {file["path"] for file in result["files"]} == STABLE_FILES[format]
    for file in result["files"]:
        content = (run.out / file["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert len(content) == file["size_bytes"]
    assert next(event["name"] for event in run.events if event["type"] == "phase") == "Loading the model"
    assert not [event for event in run.events if event["type"] == "log" and str(run.workdir) in event["text"]]


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_half_precision_halves_the_file_and_stays_the_same_model(
    engine_run: Callable, demo_model: Path, format: str
) -> None:
    run = engine_run(demo_model, format=format, image_size_px=SIZE, precision="fp16")
    assert run.result["proof"] == "verified", run.result["proof_reason"]
    weights = max(file["size_bytes"] for file in run.result["files"])
    assert weights < 0.6 * 12_000_000
    assert run.result["comparison"]["tolerance"] > 1e-3


@pytest.mark.parametrize("format", list(STABLE_FILES))
def test_nms_in_the_graph_finds_what_the_source_finds_with_nms(
    engine_run: Callable, demo_model: Path, format: str
) -> None:
    result = engine_run(demo_model, format=format, image_size_px=160, nms=True, max_detections=50).result
    assert result["proof"] == "verified", result["proof_reason"]
    compared = result["comparison"]["outputs"][0]
    assert result["comparison"]["metric"] == "detections"
    assert compared["shape"] == [1, 50, 6]
    assert compared["matched"] == compared["detections"] > 0


@pytest.mark.parametrize("format", list(STABLE_FILES))
def test_dynamic_axes_are_compared_at_a_second_shape(
    engine_run: Callable, demo_model: Path, format: str
) -> None:
    result = engine_run(demo_model, format=format, image_size_px=SIZE, dynamic=True).result
    assert result["proof"] == "verified", result["proof_reason"]
    assert result["comparison"]["inputs_compared"] == 4


def test_equal_requests_give_equal_bytes(engine_run: Callable, demo_model: Path) -> None:
    first, second = (engine_run(demo_model, image_size_px=SIZE).result["files"] for _ in range(2))
    assert first == second


def test_the_export_tells_no_path_of_the_machine_that_trained_it(
    engine_run: Callable, demo_model: Path
) -> None:
    run = engine_run(demo_model, image_size_px=SIZE)
    content = (run.out / "model.onnx").read_bytes()
    assert str(run.workdir).encode() not in content
    assert b"trained on" not in content


def test_an_onnx_file_becomes_openvino(engine_run: Callable, demo_model: Path) -> None:
    graph = engine_run(demo_model, image_size_px=SIZE).out / "model.onnx"
    result = engine_run(graph, format="openvino").result
    assert result["proof"] == "verified", result["proof_reason"]
    assert {file["path"] for file in result["files"]} == STABLE_FILES["openvino"] - {
        "model_openvino_model/metadata.yaml"
    }


def test_an_untrained_model_is_not_called_verified(engine_run: Callable, blank_model: Callable) -> None:
    result = engine_run(blank_model("yolov8n"), image_size_px=SIZE).result
    assert result["proof"] == "loadable"
    assert "same answer for every test image" in result["proof_reason"]


def test_nothing_detected_is_not_called_verified(engine_run: Callable, blank_model: Callable) -> None:
    result = engine_run(blank_model("yolov8n"), format="torchscript", image_size_px=64, nms=True).result
    assert result["proof"] == "loadable"
    assert "detects nothing" in result["proof_reason"]


def test_options_that_conflict_are_refused_by_the_engine_too(engine_run: Callable, demo_model: Path) -> None:
    with pytest.raises(EngineError) as refused:
        engine_run(demo_model, nms=True, end_to_end=True)
    assert refused.value.code == ErrorCode.INVALID_OPTIONS
    assert "not both" in refused.value.detail
    with pytest.raises(EngineError, match="no NMS-free head"):
        engine_run(demo_model, end_to_end=True)
    with pytest.raises(EngineError, match="multiple of 32"):
        engine_run(demo_model, image_size_px=100)


def test_a_format_that_is_not_available_or_not_known_is_refused(
    engine_run: Callable, demo_model: Path
) -> None:
    with pytest.raises(EngineError, match="NCNN needs ncnn, pnnx"):
        engine_run(demo_model, format="ncnn")
    with pytest.raises(EngineError, match="no format named 'floppy'"):
        engine_run(demo_model, format="floppy")


def test_a_source_outside_the_work_folder_is_refused(tmp_path: Path) -> None:
    import json

    from deployhub.engine.run import run_spec

    (tmp_path / "in").mkdir()
    (tmp_path / "spec.json").write_text(json.dumps({"kind": "inspect", "source": "in/../../../etc/passwd"}))
    with pytest.raises(EngineError, match="not in its work folder"):
        run_spec(workdir=tmp_path, emit=lambda event: None)


def test_a_classification_model_is_exported_and_equals_its_source(
    engine_run: Callable, lively_model: Callable
) -> None:
    result = engine_run(lively_model("yolo11n-cls"), image_size_px=64).result
    assert result["proof"] == "verified", result["proof_reason"]


LIVELY = (
    "yolo11n-seg", "yolo26n-seg", "yolov8n-pose", "yolo26n-pose", "yolo11n-obb", "yolo26n-obb", "yolov8n-cls", "yolo26n",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("format", list(STABLE_FILES))
@pytest.mark.parametrize("name", LIVELY)
def test_every_task_is_exported_and_equals_its_source(
    engine_run: Callable, lively_model: Callable, name: str, format: str
) -> None:
    result = engine_run(lively_model(name), format=format, image_size_px=SIZE).result
    assert result["proof"] == "verified", result["proof_reason"]
    assert len(result["comparison"]["outputs"]) == (2 if name.endswith("-seg") else 1)


@pytest.mark.slow
@pytest.mark.parametrize("format", list(STABLE_FILES))
@pytest.mark.parametrize("name", ["yolo26n", "yolo26n-seg", "yolo26n-pose", "yolo26n-obb", "yolov10n"])
def test_the_nms_free_head_is_exported_and_equals_its_source(
    engine_run: Callable, lively_model: Callable, name: str, format: str
) -> None:
    result = engine_run(lively_model(name), format=format, image_size_px=SIZE, end_to_end=True).result
    assert result["proof"] == "verified", result["proof_reason"]
    assert result["comparison"]["metric"] == "detections"
    assert result["comparison"]["outputs"][0]["matched"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("opset", [12, 13, 17, 20])
@pytest.mark.parametrize("name", ["yolo11n-obb", "yolo26n-seg"])
def test_every_opset_that_is_offered_works(
    engine_run: Callable, lively_model: Callable, name: str, opset: int
) -> None:
    result = engine_run(lively_model(name), image_size_px=SIZE, opset=opset).result
    assert result["proof"] == "verified", result["proof_reason"]

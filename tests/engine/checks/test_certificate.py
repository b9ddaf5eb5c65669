"""A certificate passes what equals its source, and refuses what does not."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.checks.budget import BUDGET_FIELDS, PRECISIONS, budget_default
from deployhub.engine.spec import EngineError

# Read by Ultralytics when it is first imported, so before any test does.
for name, value in (("ULTRALYTICS_SAFE_LOAD", "1"), ("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "1")):
    os.environ.setdefault(name, value)

from tests.engine.checks import damages as damaged  # noqa: E402

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def good() -> damaged.Exported:
    return damaged.exported("onnx", image_size_px=128)


@pytest.fixture(scope="module")
def certificate(good: damaged.Exported) -> dict[str, Any]:
    return damaged.certified(good, images=24)


def broken(result: dict[str, Any]) -> list[str]:
    return [line["name"] for line in result["lines"] if line["holds"] is False]


def test_a_good_export_passes_with_all_that_was_measured(certificate: dict[str, Any]) -> None:
    assert (certificate["outcome"], certificate["reason"]) == ("passed", "")
    assert {line["check"] for line in certificate["lines"]} == {
        "tensors", "detections", "task_metric", "file", "speed",
    }  # fmt: skip
    assert certificate["images"] == 24
    assert certificate["metrics"]["map50_95"]["source"] > 0.8
    assert certificate["metrics"]["map50_95"]["difference"] == pytest.approx(0, abs=1e-3)
    assert len(certificate["inputs_sha256"]) == len(certificate["weights_sha256"]) == 64
    assert certificate["graph"]["opset"] == 18
    assert certificate["latency_ms"]["artifact"] > 0


def test_the_same_inputs_give_the_same_certificate(
    good: damaged.Exported, certificate: dict[str, Any]
) -> None:
    again = damaged.certified(good, images=24)
    for name in ("inputs_sha256", "weights_sha256", "metrics", "outcome"):
        assert again[name] == certificate[name], name


def test_the_viewer_is_given_pictures_with_what_both_sides_see(certificate: dict[str, Any]) -> None:
    assert {picture["file"] for picture in certificate["viewed"]} == {
        file["path"] for file in certificate["files"]
    }
    first = certificate["viewed"][0]
    assert first["source"]
    assert all(len(row) == 6 for row in first["source"] + first["artifact"])
    assert all(0 <= row[0] <= first["width_px"] and row[4] >= 0.25 for row in first["source"])


@pytest.mark.parametrize("name", ["one weight bit flipped", "two classes swapped", "BGR baked in"])
def test_a_damaged_graph_is_refused(good: damaged.Exported, name: str) -> None:
    result = damaged.certified(damaged.graph_damaged(good, damaged.GRAPH_DAMAGES[name]), images=12)
    assert result["outcome"] == "failed"
    assert broken(result)


def test_two_swapped_classes_are_told_as_what_they_are(good: damaged.Exported) -> None:
    result = damaged.certified(damaged.graph_damaged(good, damaged.classes_swapped), images=12)
    assert "Agreement on the class" in broken(result)
    assert result["viewed"][0]["badness"] >= 0.5


def test_swapped_class_names_in_the_file_are_refused(good: damaged.Exported) -> None:
    def names_swapped(model: Any) -> None:
        names = next(prop for prop in model.metadata_props if prop.key == "names")
        names.value = names.value.replace("circle", "x").replace("square", "circle").replace("x", "square")

    result = damaged.certified(damaged.graph_damaged(good, names_swapped), images=12)
    assert broken(result) == ["Class names are the source's"]


def test_a_truncated_file_does_not_open(good: damaged.Exported) -> None:
    result = damaged.certified(damaged.truncated(good), images=12)
    assert result["outcome"] == "failed"
    assert "does not open in its runtime" in result["reason"]


def test_without_an_evaluation_set_nothing_passes(good: damaged.Exported) -> None:
    result = damaged.certified(good, dataset=None)
    assert result["outcome"] == "unverified"
    assert result["reason"] == "No evaluation set was given, so the task metric of the artifact is not known."
    assert any(line["check"] == "tensors" and line["holds"] for line in result["lines"])
    damage = damaged.graph_damaged(good, damaged.channels_reversed)
    assert damaged.certified(damage, dataset=None)["outcome"] == "failed", (
        "what differs is told without labels too"
    )


def test_a_set_without_labels_proves_no_accuracy(good: damaged.Exported, tmp_path: Path) -> None:
    bare = tmp_path / "bare.zip"
    with zipfile.ZipFile(damaged.EVALUATION_SET) as source, zipfile.ZipFile(bare, "w") as target:
        for entry in source.infolist():
            if not entry.filename.startswith("labels/") and "/labels/" not in entry.filename:
                target.writestr(entry, source.read(entry))
    result = damaged.certified(good, dataset=bare, images=6)
    assert result["outcome"] == "unverified"
    assert "no labels" in result["reason"]


def test_a_budget_decides(good: damaged.Exported) -> None:
    tight = damaged.copied(good)
    tight.budget = {"relative_error": 1e-12}
    assert broken(damaged.certified(tight, images=6)) == ["output0, relative error"]


def test_a_limit_that_no_check_knows_is_refused(good: damaged.Exported) -> None:
    odd = damaged.copied(good)
    odd.budget = {"colour": 1.0}
    with pytest.raises(EngineError, match="no check knows"):
        damaged.certified(odd, images=6)


def test_every_limit_has_a_default_or_none_for_each_precision() -> None:
    for field in BUDGET_FIELDS:
        assert set(field["default"]) == set(PRECISIONS)
        assert field["label"]
        assert field["help"].endswith(".")
        for default in field["default"].values():
            assert default is None or field["minimum"] <= default <= field["maximum"]
    assert set(budget_default("fp32")) > {"relative_error", "metric_loss"}


@pytest.mark.slow
def test_figures_are_those_of_yolo_val(good: damaged.Exported, tmp_path: Path) -> None:
    """Ultralytics' own validation of the source over the same images, to 0.005."""
    from ultralytics import YOLO

    with zipfile.ZipFile(damaged.EVALUATION_SET) as archive:
        archive.extractall(tmp_path / "set")
    description = next((tmp_path / "set").rglob("data.yaml"))
    text = "\n".join(line for line in description.read_text().splitlines() if not line.startswith("path:"))
    description.write_text(f"path: {description.parent}\n{text}\n")
    told = YOLO(damaged.SOURCE).val(
        data=str(description), imgsz=128, batch=1, rect=False, plots=False, verbose=False, device="cpu",
        project=str(tmp_path / "runs"),
    )  # fmt: skip
    measured = damaged.certified(good, images=500)["metrics"]
    assert measured["map50_95"]["source"] == pytest.approx(told.box.map, abs=0.005)
    assert measured["map50"]["source"] == pytest.approx(told.box.map50, abs=0.005)


@pytest.mark.slow
def test_every_damage_is_refused_and_says_why() -> None:
    good = damaged.exported("onnx")
    for name, make in damaged.damages(good):
        result = damaged.certified(make(), images=24)
        assert result["outcome"] == "failed", name
        assert broken(result) or result["reason"], name

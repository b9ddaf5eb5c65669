"""The committed demo model: small, silent about where it was made, and good at its task."""

import re
import zipfile
from pathlib import Path

import pytest

from deployhub.engine import demo

DEMO = Path(demo.__file__).parent
WEIGHTS = DEMO / "shapes-yolov8n.pt"
EVALUATION = DEMO / "shapes-evaluation.zip"
SIZE_MAX_BYTES = 7_000_000
MAP50_MIN = 0.98
MAP50_95_MIN = 0.88
MACHINE_PLACES = (b"/work", b"/root", b"/home", b"/tmp", b"/Users", b":\\")


def pickled() -> bytes:
    with zipfile.ZipFile(WEIGHTS) as archive:
        (name,) = (entry for entry in archive.namelist() if entry.endswith("/data.pkl"))
        return archive.read(name)


def test_the_demo_weights_are_at_most_seven_megabytes():
    assert WEIGHTS.stat().st_size <= SIZE_MAX_BYTES


@pytest.mark.parametrize("place", MACHINE_PLACES)
def test_the_demo_weights_name_no_place_of_the_machine_that_made_them(place):
    assert place not in pickled()


def test_the_demo_weights_name_no_commit_of_the_checkout_that_made_them():
    assert not re.search(rb"[0-9a-f]{40}", pickled())


@pytest.mark.engine
@pytest.mark.slow
def test_the_demo_model_finds_the_shapes_of_the_evaluation_set():
    pytest.importorskip("ultralytics")
    from deployhub.engine.demo.train import model_evaluate

    figures = model_evaluate(weights=WEIGHTS, archive=EVALUATION)
    assert figures["map50"] >= MAP50_MIN
    assert figures["map50_95"] >= MAP50_95_MIN


@pytest.mark.engine
@pytest.mark.slow
def test_the_demo_model_is_a_stripped_detector_of_the_four_shapes():
    pytest.importorskip("ultralytics")
    import torch
    from ultralytics import YOLO

    from deployhub.engine.demo.shapes import CLASS_NAMES

    model = YOLO(str(WEIGHTS))
    assert model.task == "detect"
    assert tuple(model.names.values()) == CLASS_NAMES
    stored = torch.load(WEIGHTS, map_location="cpu", weights_only=False)
    assert stored["optimizer"] is None
    assert stored["ema"] is None
    assert stored["model"].model[0].conv.weight.dtype == torch.float16
    assert stored["train_args"]["data"] == "data.yaml"
    assert stored["model"].args["save_dir"] == "runs/shapes"

"""The comparison: what is changed is noticed, what is only reordered is not held against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.comparison import artifact_compare
from deployhub.engine.plugin import NamedOutput, Runner
from deployhub.engine.source import SourceModel
from deployhub.engine.yolo_export import YoloOptions

pytestmark = pytest.mark.engine

OPTIONS = YoloOptions(image_size_px=64)


class Actor(SourceModel):
    """A source that answers what the test says: four boxes' worth of a detection model's raw output."""

    kind, task, class_names, stride, channels = "pt", "detect", ["circle", "square"], 32, 3
    image_size_px, end_to_end_head = [64, 64], True

    def __init__(self, answer: Callable[[Any], list[Any]]) -> None:
        self._answer = answer

    def reference(self, images: Any, *, options: Any) -> list[NamedOutput]:
        return [NamedOutput(f"output{index}", values) for index, values in enumerate(self._answer(images))]

    def predict(self, images: Any, *, options: Any) -> None: ...


@dataclass
class Copy(Runner):
    """A runner that answers as its source, after `change`."""

    source: Actor
    change: Callable[[Any], Any]
    runtime = "imagined"
    version = "1"

    def run(self, images: Any) -> list[NamedOutput]:
        return [
            NamedOutput(output.name, self.change(output.values.copy()))
            for output in self.source.reference(images, options=OPTIONS)
        ]


def raw(images: Any) -> list[Any]:
    """Boxes in hundreds, scores in hundredths, all depending on the image: (1, 4 + 2, 20)."""
    import numpy as np

    generator = np.random.default_rng(int(images.sum() * 1000) % 2**32)
    boxes, scores = generator.uniform(0, 640, (1, 4, 20)), generator.uniform(0, 0.02, (1, 2, 20))
    return [np.concatenate([boxes, scores], axis=1).astype(np.float32)]


def detections(images: Any) -> list[Any]:
    """Thirty final detections, best first: (1, 30, 6)."""
    import numpy as np

    generator = np.random.default_rng(int(images.sum() * 1000) % 2**32)
    rows = np.zeros((1, 30, 6), np.float32)
    rows[0, :, :4] = generator.uniform(0, 64, (30, 4))
    rows[0, :, 4] = np.sort(generator.uniform(0.3, 0.9, 30))[::-1]
    rows[0, :, 5] = generator.integers(0, 2, 30)
    return [rows]


def compared(answer: Callable, change: Callable, options: YoloOptions = OPTIONS) -> Any:
    source = Actor(answer)
    return artifact_compare(source=source, runner=Copy(source, change), options=options, seed=0)


FINAL = YoloOptions(image_size_px=64, end_to_end=True)


def test_an_equal_answer_passes() -> None:
    assert compared(raw, lambda values: values).passed


def test_wrong_scores_are_not_hidden_behind_large_boxes() -> None:
    def scores_shifted(values: Any) -> Any:
        values[:, 4:] += 0.0005  # less than 1e-3, and less than a millionth of the boxes
        return values

    assert not compared(raw, scores_shifted).passed


def test_half_a_pixel_in_a_box_is_noticed_and_a_rounding_error_is_not() -> None:
    assert not compared(raw, lambda values: values + (values > 1) * 1.0).passed
    assert compared(raw, lambda values: values * (1 + 1e-6)).passed


def test_values_that_are_not_numbers_never_pass() -> None:
    import numpy as np

    def poisoned(values: Any) -> Any:
        values[0, 0, 0] = np.nan
        return values

    outcome = compared(raw, poisoned)
    assert "not numbers" in outcome.reason
    assert outcome.describe()["outputs"][0]["max_abs_error"] is None
    assert not compared(detections, poisoned, FINAL).passed


def test_another_shape_never_passes() -> None:
    assert "shape" in compared(raw, lambda values: values[:, :, :-1]).reason


def test_final_detections_may_come_in_another_order() -> None:
    assert compared(detections, lambda rows: rows[:, ::-1], FINAL).passed


def test_a_lost_detection_is_noticed() -> None:
    def lost(rows: Any) -> Any:
        rows[0, 3] = 0
        return rows

    assert "detections are the same" in compared(detections, lost, FINAL).reason


def test_an_invented_detection_is_noticed() -> None:
    def invented(rows: Any) -> Any:
        rows[0, -1, :5] = (1, 1, 50, 50, 0.95)
        return rows

    assert not compared(detections, invented, FINAL).passed


def test_a_detection_of_another_class_is_noticed() -> None:
    def swapped(rows: Any) -> Any:
        rows[0, :, 5] = 1 - rows[0, :, 5]
        return rows

    assert compared(detections, swapped, FINAL).describe()["outputs"][0]["matched"] == 0


def test_a_source_that_ignores_the_image_proves_nothing() -> None:
    import numpy as np

    outcome = compared(lambda images: [np.ones((1, 6, 20), np.float32)], lambda values: values)
    assert "untrained" in outcome.reason


@pytest.fixture(scope="module")
def onnx_export(engine_run: Callable, demo_model: Path) -> Path:
    return engine_run(demo_model, image_size_px=96).out / "model.onnx"


def _compare_onnx(path: Path, demo_model: Path) -> Any:
    from deployhub.engine.formats.onnx import FORMAT
    from deployhub.engine.source import source_load

    options = FORMAT.Options(image_size_px=96)
    return artifact_compare(
        source=source_load(demo_model, kind="pt"),
        runner=FORMAT.open(path, options=options),
        options=options,
        seed=0,
    )


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_flipped_weights_are_never_verified(
    onnx_export: Path, demo_model: Path, tmp_path: Path, share: float
) -> None:
    import numpy as np
    import onnx
    from onnx import numpy_helper

    assert _compare_onnx(onnx_export, demo_model).passed
    model = onnx.load(str(onnx_export))
    weights = [tensor for tensor in model.graph.initializer if len(tensor.dims) == 4]
    target = weights[len(weights) // 2]
    values = numpy_helper.to_array(target).copy()
    flat = values.reshape(-1)
    chosen = np.random.default_rng(0).random(flat.size) < share
    flat[chosen] *= -1
    target.CopyFrom(numpy_helper.from_array(values, target.name))
    changed = tmp_path / "changed.onnx"
    onnx.save(model, str(changed))
    outcome = _compare_onnx(changed, demo_model)
    assert not outcome.passed
    assert "differs from the source" in outcome.reason

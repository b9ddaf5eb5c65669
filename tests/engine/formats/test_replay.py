"""A replay tells equal bytes from an equal graph, equal answers and something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def first(engine_run: Callable[..., Any], demo_model: Path) -> Path:
    return engine_run(demo_model, format="onnx", image_size_px=64).out


@pytest.fixture
def replay(first: Path, demo_model: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Make it again after `change` was done to the first one's file."""

    def run(change: Callable[[Path], None] = lambda path: None) -> dict[str, str]:
        from deployhub.engine.run import run_spec

        (tmp_path / "in").mkdir()
        shutil.copy(demo_model, tmp_path / "in" / "model.pt")
        shutil.copytree(first, tmp_path / "in" / "previous")
        change(tmp_path / "in" / "previous" / "model.onnx")
        spec = {
            "kind": "replay", "source": "in/model.pt", "previous": "in/previous", "format": "onnx",
            "options": {"image_size_px": 64}, "seed": 0,
        }  # fmt: skip
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        return run_spec(workdir=tmp_path, emit=lambda event: None)["replay"]

    return run


def _metadata_change(path: Path) -> None:
    import onnx

    model = onnx.load(path)
    model.doc_string = "another day"
    del model.metadata_props[:]
    onnx.save(model, path)


def _names_change(path: Path) -> None:
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        node.name = f"{node.name}_again"
    onnx.save(model, path)


def _weight_change(path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    changed = numpy_helper.to_array(weight).copy() * 1.5
    weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    onnx.save(model, path)


def test_the_same_request_gives_equal_bytes(replay: Callable[..., dict[str, str]]) -> None:
    assert replay()["outcome"] == "equal_bytes"


def test_other_descriptions_are_an_equal_graph(replay: Callable[..., dict[str, str]]) -> None:
    told = replay(_metadata_change)
    assert told["outcome"] == "equal_graph"
    assert "model.onnx" in told["detail"]


def test_another_graph_with_the_same_answers_is_equal_in_its_outputs(
    replay: Callable[..., dict[str, str]],
) -> None:
    assert replay(_names_change)["outcome"] == "equal_outputs"


def test_other_weights_are_different_and_said_by_how_much(replay: Callable[..., dict[str, str]]) -> None:
    told = replay(_weight_change)
    assert told["outcome"] == "different"
    assert "of its range" in told["detail"]


def test_a_file_that_is_missing_is_different_by_name(replay: Callable[..., dict[str, str]]) -> None:
    told = replay(lambda path: path.rename(path.with_name("other.onnx")))
    assert told["outcome"] == "different"
    assert "other.onnx" in told["detail"]

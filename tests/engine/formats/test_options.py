"""Options are checked against the catalogue alone, all problems at once, each with what to do."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhub.engine.formats.onnx import FORMAT as ONNX
from deployhub.engine.formats.openvino import FORMAT as OPENVINO
from deployhub.engine.options import OptionsInvalid, options_validate

ENTRY = ONNX.describe()


def refusal(
    values: dict[str, Any], source: dict[str, Any] | None = None, entry: dict = ENTRY
) -> dict[str, list[str]]:
    with pytest.raises(OptionsInvalid) as caught:
        options_validate(entry, values, source=source)
    return caught.value.errors


def test_nothing_given_means_the_defaults() -> None:
    cleaned = options_validate(ENTRY, {})
    assert cleaned["precision"] == "fp32"
    assert cleaned["image_size_px"] == 640
    assert cleaned["opset"] == 18
    assert set(cleaned) == {option["name"] for option in ENTRY["options"]}


def test_the_trained_image_size_is_the_default_where_it_is_known() -> None:
    assert options_validate(ENTRY, {}, source={"image_size_px": [160, 320]})["image_size_px"] == 320
    assert options_validate(ENTRY, {}, source={"image_size_px": [100, 100]})["image_size_px"] == 640


def test_what_a_form_sends_as_text_is_understood() -> None:
    cleaned = options_validate(ENTRY, {"dynamic": "on", "simplify": "false", "batch": "4"})
    assert (cleaned["dynamic"], cleaned["simplify"], cleaned["batch"]) == (True, False, 4)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"image_size_px": 641}, "Image size is a multiple of 32 px; try 640 or 672."),
        ({"image_size_px": 16}, "Image size is at least 32 px; 16 is too small."),
        ({"batch": 0}, "Batch is at least 1 image; 0 is too small."),
        ({"batch": True}, "Batch is a whole number; True is not one."),
        ({"batch": 1.5}, "Batch is a whole number; 1.5 is not one."),
        ({"opset": 99}, "Opset is at most 20; 99 is too large."),
        ({"precision": "int4"}, "Precision is one of fp32, fp16; 'int4' is not."),
        ({"nms": "perhaps"}, "NMS in the graph is either on or off; 'perhaps' is neither."),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(values: dict, sentence: str) -> None:
    assert refusal(values) == {next(iter(values)): [sentence]}


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    assert "image_size_px" in refusal({"imgsz": 640})["imgsz"][0]


def test_all_problems_are_told_at_once() -> None:
    assert set(refusal({"image_size_px": 1, "batch": 0, "colour": "red"})) == {
        "image_size_px",
        "batch",
        "colour",
    }


def test_a_coarser_stride_of_the_model_counts() -> None:
    assert "multiple of 64" in refusal({"image_size_px": 96}, {"stride": 64})["image_size_px"][0]


def test_nms_and_the_nms_free_head_are_refused_together() -> None:
    assert "not both" in refusal({"nms": True, "end_to_end": True})["end_to_end"][0]


def test_nms_is_refused_for_a_classification_model() -> None:
    assert "no boxes" in refusal({"nms": True}, {"task": "classify"})["nms"][0]
    assert options_validate(ENTRY, {"nms": True}, source={"task": "detect"})["nms"]


def test_the_nms_free_head_is_refused_for_a_model_that_has_none() -> None:
    assert "no NMS-free head" in refusal({"end_to_end": True}, {"end_to_end_head": False})["end_to_end"][0]
    assert options_validate(ENTRY, {"end_to_end": True}, source={"end_to_end_head": True})["end_to_end"]


def test_a_conflict_with_a_fact_that_is_not_known_yet_waits_for_the_engine() -> None:
    assert options_validate(ENTRY, {"end_to_end": True})["end_to_end"]


def test_an_onnx_source_keeps_its_graph() -> None:
    for name in ("nms", "end_to_end", "dynamic"):
        assert name in refusal({name: True}, {"kind": "onnx"}, OPENVINO.describe())


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([option["name"] for option in ENTRY["options"]]), JSON_VALUES))
def test_no_value_whatsoever_crashes_the_check_or_slips_through(values: dict[str, Any]) -> None:
    try:
        cleaned = options_validate(ENTRY, values)
    except OptionsInvalid:
        return
    for option in ENTRY["options"]:
        value = cleaned[option["name"]]
        match option["type"]:
            case "boolean":
                assert isinstance(value, bool)
            case "choice":
                assert value in option["choices"]
            case _:
                assert option["minimum"] <= value <= option["maximum"]
                assert value % (option["multiple_of"] or 1) == 0


def test_the_check_needs_the_standard_library_alone() -> None:
    script = (
        "import sys; before = set(sys.modules); import deployhub.engine.options; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "sys.exit(str(new - sys.stdlib_module_names - {'deployhub'}) if new - sys.stdlib_module_names - {'deployhub'} else 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

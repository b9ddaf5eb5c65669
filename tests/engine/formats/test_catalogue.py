"""The catalogue: complete, honest, light, and proof against a broken plug-in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from deployhub.engine import catalogue
from deployhub.engine.catalogue import catalogue_build, formats_discover
from deployhub.engine.catalogue_page import catalogue_markdown
from deployhub.engine.formats.ultralytics_generic import TARGETS

REPOSITORY = Path(__file__).parents[3]
NUMBER_OR_NONE = {"type": ["integer", "null"]}
SCHEMA = {
    "type": "object",
    "required": ["schema", "engine", "formats"],
    "properties": {
        "schema": {"const": 1},
        "engine": {"type": "object", "additionalProperties": {"type": "string"}},
        "formats": {
            "type": "array",
            "minItems": 4,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": [
                    "key", "label", "suffix", "layout", "runtimes", "sources", "tasks", "available",
                    "unavailable_reason", "description", "precisions", "options", "conflicts", "toolchain", "toolchain_name",
                    "toolchain_digest", "toolchain_builds", "needs", "hardware", "licence", "calibration",
                ],
                "properties": {
                    "key": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                    "label": {"type": "string", "minLength": 2},
                    "suffix": {"type": "string", "minLength": 2},
                    "layout": {"enum": ["file", "folder"]},
                    "runtimes": {"type": "array", "items": {"type": "string"}},
                    "sources": {"type": "array", "minItems": 1, "items": {"enum": ["pt", "onnx"]}},
                    "tasks": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"enum": ["detect", "segment", "classify", "pose", "obb"]},
                    },
                    "available": {"type": "boolean"},
                    "unavailable_reason": {"type": "string"},
                    "description": {"type": "string", "minLength": 10},
                    "precisions": {"type": "array", "items": {"enum": ["fp32", "fp16", "int8", "int8w", "w8a16"]}},
                    "toolchain": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                    "toolchain_name": {"type": "string"},
                    "toolchain_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    "toolchain_builds": {"type": "boolean"},
                    "needs": {"type": "array", "items": {"type": "string", "minLength": 10}},
                    "hardware": {"type": "string", "minLength": 10},
                    "licence": {"type": "string", "minLength": 10},
                    "calibration": {"enum": ["", "optional", "needed"]},
                    "options": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["name", "type", "label", "help", "default"],
                            "properties": {
                                "name": {"type": "string", "pattern": "^[a-z_]+$"},
                                "type": {"enum": ["integer", "boolean", "choice"]},
                                "label": {"type": "string", "minLength": 3},
                                "help": {"type": "string", "minLength": 20, "pattern": r"\.$"},
                                "unit": {"type": "string"},
                                "default": {},
                                "default_from": {"type": ["string", "null"]},
                                "minimum": NUMBER_OR_NONE,
                                "maximum": NUMBER_OR_NONE,
                                "multiple_of": NUMBER_OR_NONE,
                                "choices": {"type": ["array", "null"]},
                                "required": {"type": "boolean"},
                            },
                        },
                    },
                    "conflicts": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["when", "message"],
                            "properties": {
                                "when": {"type": "object", "minProperties": 1},
                                "message": {"type": "string", "pattern": r"\.$"},
                            },
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def built() -> dict:
    return catalogue_build()


def test_every_entry_of_the_catalogue_follows_the_schema(built: dict) -> None:
    jsonschema.validate(json.loads(json.dumps(built)), SCHEMA)


def test_a_format_that_cannot_be_exported_says_why_and_one_that_can_says_nothing(built: dict) -> None:
    for entry in built["formats"]:
        assert bool(entry["unavailable_reason"]) is not entry["available"], entry["key"]


def test_an_option_of_a_conflict_exists(built: dict) -> None:
    for entry in built["formats"]:
        names = {option["name"] for option in entry["options"]}
        for conflict in entry["conflicts"]:
            assert {key for key in conflict["when"] if not key.startswith("source.")} <= names


def test_the_precisions_of_a_format_are_the_choices_of_its_option(built: dict) -> None:
    for entry in built["formats"]:
        for option in entry["options"]:
            if option["name"] == "precision":
                assert list(option["choices"]) == entry["precisions"], entry["key"]


def test_the_defaults_of_every_format_are_valid(built: dict) -> None:
    from deployhub.engine.options import options_validate

    for entry in built["formats"]:
        cleaned = options_validate(entry, {})
        assert options_validate(entry, cleaned) == cleaned


def test_the_catalogue_is_printed_without_importing_a_heavy_package() -> None:
    script = (
        "import sys\nfrom deployhub.engine.__main__ import main\nmain(['catalog'])\n"
        "heavy = {'torch', 'ultralytics', 'onnx', 'onnxruntime', 'openvino', 'numpy', 'django'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schema"] == 1


def test_a_plugin_that_cannot_be_imported_warns_and_leaves_the_rest_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explode() -> object:
        raise ImportError("no module named acme_toolchain")

    broken = SimpleNamespace(name="acme", value="acme.formats:FORMAT", load=explode)
    monkeypatch.setattr(catalogue.metadata, "entry_points", lambda group: [broken])
    warnings: list[str] = []
    found = formats_discover(warn=warnings.append)
    assert {"onnx", "torchscript", "openvino"} <= set(found)
    assert len(warnings) == 1
    assert "acme" in warnings[0]


def test_a_plugin_that_is_no_format_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = SimpleNamespace(name="acme", value="acme.formats:FORMAT", load=lambda: object())
    monkeypatch.setattr(catalogue.metadata, "entry_points", lambda group: [stranger])
    warnings: list[str] = []
    formats_discover(warn=warnings.append)
    assert "is no Format" in warnings[0]


def test_a_plugin_of_an_entry_point_joins_but_cannot_replace_a_built_in_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from deployhub.engine.formats.onnx import Onnx

    class Acme(Onnx):
        key = "acme"
        label = "Acme"

    class Impostor(Onnx):
        label = "Not the real ONNX"

    points = [
        SimpleNamespace(name="acme", value="acme:FORMAT", load=lambda: Acme()),
        SimpleNamespace(name="impostor", value="impostor:FORMAT", load=lambda: Impostor()),
    ]
    monkeypatch.setattr(catalogue.metadata, "entry_points", lambda group: points)
    warnings: list[str] = []
    found = formats_discover(warn=warnings.append)
    assert found["acme"].label == "Acme"
    assert found["onnx"].label == "ONNX"
    assert "taken" in warnings[0]


def test_a_format_whose_package_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployhub.engine import fingerprint

    monkeypatch.setattr(fingerprint, "package_version", lambda name: None if name == "openvino" else "1")
    entry = next(entry for entry in catalogue_build()["formats"] if entry["key"] == "openvino")
    assert not entry["available"]
    assert "openvino" in entry["unavailable_reason"]


@pytest.mark.engine
def test_the_catalogue_lists_every_format_that_ultralytics_can_write(built: dict) -> None:
    from ultralytics.engine.exporter import export_formats

    table = export_formats()
    known = {entry["key"]: entry for entry in built["formats"]}
    assert set(table["Argument"]) - {"-"} == set(known)
    assert dict(zip(table["Argument"], table["Suffix"], strict=True)) | {"-": ".pt"} == {
        **{key: entry["suffix"] for key, entry in known.items()},
        "-": ".pt",
    }
    assert {key for key, entry in known.items() if not entry["toolchain_builds"]} == set(TARGETS)


def test_the_documentation_page_on_formats_is_current(built: dict) -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    assert page == catalogue_markdown(built), (
        "run: python -m deployhub.engine catalog --markdown > docs/formats.md"
    )

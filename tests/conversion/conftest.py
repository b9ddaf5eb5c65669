"""A version to export, a catalogue, and an engine that does what a test tells it to."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SOURCE_BYTES = b"not a real model, and nobody here opens it"


@pytest.fixture(scope="session")
def catalogue_content() -> dict[str, Any]:
    """The engine's own catalogue, as if its three CPU formats were installed."""
    from deployhub.engine.catalogue import catalogue_build

    content = catalogue_build(warn=lambda text: None)
    for entry in content["formats"]:
        if entry["key"] in ("onnx", "torchscript", "openvino"):
            entry.update(available=True, unavailable_reason="")
    content["engine"] = {"ultralytics": "8.4.190", "torch": "2.14.1"}
    return content


@pytest.fixture
def catalogue(db: None, catalogue_content: dict[str, Any]) -> Any:
    """A worker has published its catalogue."""
    from deployhub.jobs.models import EngineCatalogue

    return EngineCatalogue.objects.create(digest="c" * 64, content=copy.deepcopy(catalogue_content))


@pytest.fixture
def make_version(project: Any, engineer: Any) -> Callable[..., Any]:
    """An accepted version: `make_version()`, `make_version(project=foreign_project)`."""
    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import ModelVersion, RegisteredModel
    from deployhub.registry.storage import blob_store

    def make(**fields: Any) -> ModelVersion:
        of = fields.pop("project", project)
        content = fields.pop("content", SOURCE_BYTES)
        with system_scope("test version"):
            model, _ = RegisteredModel.objects.get_or_create(
                project=of, slug="shapes-detector", defaults={"name": "Shapes detector", "task": "detect"}
            )
            return ModelVersion.objects.create(
                **{
                    "project": of,
                    "model": model,
                    "number": model.versions.count() + 1,
                    "blob": blob_store(io.BytesIO(content)),
                    "file_name": "shapes.pt",
                    "source_kind": "pt",
                    "state": "accepted",
                    "task": "detect",
                    "architecture": "YOLOv8",
                    "variant": "n",
                    "image_size_px": 96,
                    "inspection": {"image_size_px": [96, 96], "stride": 32, "end_to_end": False},
                    "created_by": engineer,
                    **fields,
                }
            )

    return make


@pytest.fixture
def version(make_version: Any) -> Any:
    return make_version()


def told(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"path": path, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in sorted(files.items())
    ]


class FakeEngine:
    """Writes `files` into out/ and answers with `result`; `before_end` runs in the middle."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"model.onnx": b"onnx bytes"}
        self.result: dict[str, Any] = {
            "proof": "verified",
            "proof_reason": "",
            "runtime": {"name": "onnxruntime", "version": "1.32.0", "device": "CPU"},
            "comparison": {
                "passed": True,
                "tolerance": 1e-3,
                "metric": "max_abs_error",
                "inputs_compared": 3,
                "outputs": [
                    {
                        "name": "output0",
                        "shape": [1, 6, 189],
                        "max_abs_error": 1.2e-5,
                        "mean_abs_error": 1.1e-6,
                        "cosine": 0.9999999,
                    }
                ],
            },
            "latency_ms": {"source": 12.34, "artifact": 5.67, "warmup_runs": 3, "runs": 10},
            "toolchain": {"ultralytics": "8.4.190", "torch": "2.14.1", "onnx": "1.23.2"},
            "machine": {"cpu": "Test CPU", "cores": 2, "system": "Linux", "python": "3.11.9"},
            "durations_s": {"load": 1.0, "export": 2.0, "verify": 0.5},
        }
        self.runs: list[dict[str, Any]] = []
        self.before_end: Callable[[Path], None] = lambda workdir: None
        self.failure: Exception | None = None

    def run(
        self, *, workdir: Path, spec: Any, limits: Any, on_event: Any, should_stop: Any
    ) -> dict[str, Any]:
        self.runs.append(spec)
        assert (workdir / spec["source"]).read_bytes() == SOURCE_BYTES
        on_event({"type": "phase", "name": "Loading the model"})
        on_event({"type": "phase", "name": "Comparing with the source", "total": 3, "unit": "inputs"})
        on_event({"type": "progress", "done": 3})
        on_event({"type": "log", "level": "info", "text": "exported"})
        for path, content in self.files.items():
            (workdir / "out" / path).parent.mkdir(parents=True, exist_ok=True)
            (workdir / "out" / path).write_bytes(content)
        self.before_end(workdir)
        if self.failure is not None:
            raise self.failure
        return {"files": told(self.files), **self.result}


@pytest.fixture
def engine(monkeypatch: Any) -> Iterator[FakeEngine]:
    from deployhub.jobs import runner

    fake = FakeEngine()
    monkeypatch.setattr(runner, "engine", lambda: fake)
    yield fake
    runner.leaving.clear()


@pytest.fixture
def export(engineer: Any, acting: Any, catalogue: Any) -> Callable[..., Any]:
    """Ask for an export as the engineer: `export(version, "onnx", image_size_px=64)`."""
    from deployhub.conversion.services import export_create

    def make(version: Any, format_key: str = "onnx", *, by: Any = None, **options: Any) -> Any:
        return export_create(
            actor=acting(by or engineer), version=version, format_key=format_key, options=options
        )

    return make


@pytest.fixture
def artifact(version: Any, export: Any, engine: FakeEngine) -> Any:
    """A verified ONNX artifact of the version, made the whole way."""
    from deployhub.jobs.runner import job_run
    from deployhub.registry.models import Artifact

    asked = export(version)
    assert job_run(job_id=asked.export.job_id, worker_name="north") == "succeeded"
    return Artifact.objects.get(version=version)

"""An artifact to certify, and an engine that measures what a test tells it to."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conversion.conftest import SOURCE_BYTES, catalogue_content, make_version, version  # noqa: F401

BUDGET = [
    {
        "name": "relative_error", "label": "Largest relative error", "unit": "", "help": "Of any output.",
        "direction": "at most", "minimum": 0.0, "maximum": 1.0,
        "default": {"fp32": 0.001, "fp16": 0.03, "int8": None},
    },
    {
        "name": "metric_drop", "label": "Loss of mAP50-95", "unit": "", "help": "Of the task metric.",
        "direction": "at most", "minimum": 0.0, "maximum": 1.0,
        "default": {"fp32": 0.005, "fp16": 0.01, "int8": 0.02},
    },
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_home(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deployhub.jobs import services

    settings.DEPLOYHUB_HOME = tmp_path / "home"
    settings.DEPLOYHUB_CERTIFICATE_KEY = ""
    monkeypatch.setattr(services.current_app, "send_task", lambda *args, **kwargs: None, raising=False)


@pytest.fixture
def catalogue(db: None, catalogue_content: dict[str, Any]) -> Any:  # noqa: F811
    """A worker has published its formats and what its checks can limit."""
    from deployhub.jobs.models import EngineCatalogue

    content = {**copy.deepcopy(catalogue_content), "budget": copy.deepcopy(BUDGET)}
    return EngineCatalogue.objects.create(digest="c" * 64, content=content)


@pytest.fixture
def artifact(version: Any, catalogue: Any, engineer: Any) -> Any:  # noqa: F811
    """An ONNX artifact of the version, exported by the engineer, without a certificate."""
    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import Artifact, ArtifactFile
    from deployhub.registry.storage import blob_store

    with system_scope("test artifact"):
        blob = blob_store(io.BytesIO(b"onnx bytes"))
        made = Artifact.objects.create(
            project=version.project, version=version, key="k", format_key="onnx", format_label="ONNX",
            precision="fp32", options={"precision": "fp32", "image_size_px": 96}, file_name="shapes-v1-onnx-fp32.onnx",
            manifest_sha256="1" * 64, size_bytes=blob.size_bytes, created_by=engineer, proof="verified",
            toolchain={"ultralytics": "8.4.190", "torch": "2.14.1"}, machine={"cpu": "Test CPU"},
        )  # fmt: skip
        ArtifactFile.objects.create(project=version.project, artifact=made, path="model.onnx", blob=blob)
    return made


@pytest.fixture
def evaluation_set(project: Any) -> Any:
    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import Dataset, DatasetVersion
    from deployhub.registry.storage import blob_store

    with system_scope("test dataset"):
        dataset = Dataset.objects.create(project=project, name="Shapes", slug="shapes", purpose="evaluation")
        return DatasetVersion.objects.create(
            project=project, dataset=dataset, number=1, state="accepted", image_count=12, label_count=20,
            blob=blob_store(io.BytesIO(b"zip bytes")), file_name="shapes.zip",
        )  # fmt: skip


def line(name: str, value: float | None, limit: float | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "check": "tensors", "name": name, "value": value, "unit": "", "limit": limit,
        "direction": "at most" if limit is not None else "",
        "holds": None if limit is None else value is not None and value <= limit, "detail": "", **fields,
    }  # fmt: skip


class MeasuringEngine:
    """Writes one picture, and answers with `result`."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []
        self.inputs: dict[str, bytes] = {}
        self.picture = b"jpeg bytes"
        self.result: dict[str, Any] = {
            "outcome": "passed",
            "reason": "",
            "lines": [line("output0, relative error", 1e-5, 1e-3), line("size", 10.0, check="file", unit="bytes")],
            "metrics": {
                "map50_95": {"source": 0.73, "artifact": 0.729, "difference": -0.001, "low": -0.004, "high": 0.002}
            },
            "images": 12,
            "inputs_sha256": "a" * 64,
            "weights_sha256": "b" * 64,
            "graph": {"nodes": 123, "opset": 18},
            "viewed": [
                {
                    "file": "pictures/0.jpg", "name": "images/test/7.png", "width_px": 96, "height_px": 96,
                    "badness": 0.25, "source": [[10, 10, 40, 40, 0.9, 0], [50, 50, 80, 80, 0.8, 1]],
                    "artifact": [[11, 10, 40, 41, 0.88, 0]],
                }
            ],
            "runtime": {"name": "onnxruntime", "version": "1.32.0", "device": "CPU"},
            "latency_ms": {"source": 12.0, "artifact": 6.0},
            "toolchain": {"onnxruntime": "1.32.0"},
            "machine": {"cpu": "Test CPU"},
            "durations_s": {"run": 1.0},
        }  # fmt: skip
        self.before_end: Callable[[Path], None] = lambda workdir: None

    def run(
        self, *, workdir: Path, spec: Any, limits: Any, on_event: Any, should_stop: Any
    ) -> dict[str, Any]:
        self.specs.append(spec)
        self.inputs = {
            path.relative_to(workdir).as_posix(): path.read_bytes()
            for path in (workdir / "in").rglob("*")
            if path.is_file()
        }
        assert self.inputs[spec["source"]] == SOURCE_BYTES
        on_event({"type": "phase", "name": "Running both", "total": 12, "unit": "images"})
        target = workdir / "out" / "pictures" / "0.jpg"
        target.parent.mkdir(parents=True)
        target.write_bytes(self.picture)
        self.before_end(workdir)
        return {
            "files": [
                {
                    "path": "pictures/0.jpg",
                    "size_bytes": len(self.picture),
                    "sha256": hashlib.sha256(self.picture).hexdigest(),
                }
            ],
            **self.result,
        }


@pytest.fixture
def engine(monkeypatch: Any) -> Iterator[MeasuringEngine]:
    from deployhub.jobs import runner

    fake = MeasuringEngine()
    monkeypatch.setattr(runner, "engine", lambda: fake)
    yield fake
    runner.leaving.clear()


@pytest.fixture
def certify(engine: MeasuringEngine, acting: Any, engineer: Any) -> Callable[..., Any]:
    """Ask for a certificate and let a worker make it; returns it, or None when the job failed."""
    from deployhub.certification.services.certificates import certificate_request
    from deployhub.jobs.runner import job_run
    from deployhub.registry.models import Certificate

    def make(artifact: Any, **fields: Any) -> Any:
        asked = certificate_request(actor=acting(engineer), artifact=artifact, **fields)
        job_run(job_id=asked.job.pk, worker_name="north")
        return Certificate.objects.filter(job=asked.job).first()

    return make

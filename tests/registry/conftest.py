"""What registry tests work with: files in the making, uploads that arrived, versions in each state."""

from __future__ import annotations

import base64
import io
import itertools
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
PIECE_TYPE = "application/offset+octet-stream"
_serial = itertools.count()

INSPECTION: dict[str, Any] = {
    "kind": "pt",
    "task": "detect",
    "architecture": "YOLOv8",
    "variant": "n",
    "class_names": ["circle", "square"],
    "image_size_px": [160, 160],
    "parameters": 3_011_043,
    "gflops": 8.1,
    "stride": 32,
    "end_to_end": False,
    "layers": [
        {"index": 0, "type": "Conv", "parameters": 464},
        {"index": 1, "type": "C2f", "parameters": 7360},
    ],
    "trained_with": {
        "ultralytics": "8.4.190",
        "date": "2026-11-20",
        "arguments": {"epochs": 30},
        "metrics": {},
    },
    "inputs": [{"name": "images", "shape": [1, 3, 160, 160], "dtype": "float32"}],
    "outputs": [{"name": "output0", "shape": [1, 6, 525], "dtype": "float32"}],
    "scan": {"globals": ["torch._utils._rebuild_tensor_v2"], "verdict": "accepted", "notes": []},
    "engine": {"ultralytics": "8.4.190", "torch": "2.14.1"},
}


def checkpoint_bytes(content: str = "") -> bytes:
    """A zip archive that looks like a checkpoint from outside; each call makes another one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", content or f"weights {next(_serial)}")
    return buffer.getvalue()


def tus_metadata(**facts: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in facts.items())


def tus_send(client: Any, content: bytes, *, name: str = "best.pt", project: str = "shapes") -> Any:
    """Upload `content` through the door that `client` stands at; returns the last response."""
    begun = client.post(
        "/api/v1/uploads/",
        HTTP_UPLOAD_LENGTH=str(len(content)),
        HTTP_UPLOAD_METADATA=tus_metadata(filename=name, project=project),
        **TUS,
    )
    if begun.status_code != 201:
        return begun
    sent = client.generic(
        "PATCH", begun.headers["Location"], content, PIECE_TYPE, HTTP_UPLOAD_OFFSET="0", **TUS
    )
    sent.upload_id = begun.headers["Location"].rstrip("/").rsplit("/", 1)[-1]
    return sent


@pytest.fixture
def uploaded(acting: Any) -> Callable[..., Any]:
    """A complete upload: `uploaded(engineer, project, content=b"…", name="best.pt")`."""

    def make(user: Any, project: Any, *, content: bytes | None = None, name: str = "best.pt") -> Any:
        from deployhub.registry.services import uploads

        content = checkpoint_bytes() if content is None else content
        actor = acting(user)
        upload = uploads.upload_create(actor=actor, project=project, file_name=name, size_bytes=len(content))
        return uploads.upload_continue(actor=actor, upload=upload, offset_bytes=0, source=io.BytesIO(content))

    return make


@pytest.fixture
def version_of(acting: Any, uploaded: Any) -> Callable[..., Any]:
    """A version, in quarantine: `version_of(engineer, project, model_name="Signs")`."""

    def make(
        user: Any, project: Any, *, content: bytes | None = None, name: str = "best.pt", **where: Any
    ) -> Any:
        from deployhub.registry.services.versions import version_create

        if "model" not in where:
            where.setdefault("model_name", f"Signs {next(_serial)}")
        upload = uploaded(user, project, content=content, name=name)
        version, _ = version_create(actor=acting(user), project=project, upload=upload, **where)
        return version

    return make


@pytest.fixture
def accepted() -> Callable[[Any], Any]:
    """Accept a version as if the engine had found INSPECTION."""

    def make(version: Any, **facts: Any) -> Any:
        from deployhub.audit.scope import system_scope
        from deployhub.registry.inspection import inspection_facts
        from deployhub.registry.services.versions import version_accept

        with system_scope("test inspection"):
            version_accept(version_id=version.pk, facts=inspection_facts({**INSPECTION, **facts}))
        version.refresh_from_db()
        return version

    return make


class FakeEngine:
    """Answers as it is told: a result, or an error."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.specs: list[dict[str, Any]] = []

    def run(self, *, workdir: Any, spec: Any, limits: Any, on_event: Any, should_stop: Any) -> Any:
        self.specs.append(spec)
        assert (workdir / spec["source"]).is_file()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def inspected(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the latest inspection of a version with a stand-in for the engine; returns the job."""

    def run(version: Any, answer: Any = None) -> Any:
        from deployhub.jobs import runner
        from deployhub.registry.selectors import version_inspection_job

        engine = FakeEngine(INSPECTION if answer is None else answer)
        monkeypatch.setattr(runner, "engine", lambda: engine)
        job = version_inspection_job(version)
        assert job is not None
        runner.job_run(job_id=job.pk, worker_name="test")
        job.refresh_from_db()
        version.refresh_from_db()
        return job

    return run


def dataset_bytes(files: dict[str, bytes] | None = None) -> bytes:
    """A tiny dataset in YOLO layout."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files or DATASET_FILES).items():
            archive.writestr(name, content)
        archive.writestr("made.txt", str(next(_serial)))
    return buffer.getvalue()


DATASET_FILES = {
    "data.yaml": b"train: images\nval: images\nnames: {0: circle, 1: square}\n",
    "images/val/a.jpg": b"\xff\xd8\xff",
    "labels/val/a.txt": b"0 0.5 0.5 0.1 0.1\n",
}


@pytest.fixture
def dataset_of(acting: Any, uploaded: Any) -> Callable[..., Any]:
    """A dataset: `dataset_of(engineer, project)`."""

    def make(
        user: Any, project: Any, *, content: bytes | None = None, name: str = "", purpose: str = "evaluation"
    ) -> Any:
        from deployhub.registry.services.datasets import dataset_create

        upload = uploaded(user, project, content=content or dataset_bytes(), name="set.zip")
        return dataset_create(
            actor=acting(user),
            project=project,
            upload=upload,
            name=name or f"Set {next(_serial)}",
            purpose=purpose,
        ).dataset

    return make

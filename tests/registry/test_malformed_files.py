"""Files that are no models, or bad ones: each gets a clear answer, and the house goes on standing."""

from __future__ import annotations

import io
import pickle
import stat
import zipfile
from pathlib import Path

import pytest

from deployhub.jobs import runner
from deployhub.registry.models import ModelVersion, RegisteredModel
from deployhub.registry.selectors import version_inspection_job
from tests.hostile.corpus import (
    call_by_name,
    onnx_custom_domain,
    onnx_external,
    onnx_nested,
    torch_archive,
    zip_bomb,
    zip_of,
)
from tests.registry.conftest import checkpoint_bytes, tus_send

WEIGHTS = Path(__file__).resolve().parents[2] / "deployhub" / "engine" / "demo" / "shapes-yolov8n.pt"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 200


def _version_ask(client, content: bytes, name: str):
    sent = tus_send(client, content, name=name)
    if not hasattr(sent, "upload_id"):
        return sent
    return client.post("/api/v1/versions/", {"upload": sent.upload_id, "model_name": "Signs"}, format="json")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pt", b""),
        ("empty.onnx", b""),
        ("text.pt", b"these are no weights\n" * 20),
        ("text.onnx", b"these are no weights\n" * 20),
        ("picture.pt", JPEG),
        ("picture.onnx", JPEG),
        ("picture.jpg", JPEG),
        ("model.txt", b"hello"),
        ("model.exe", b"MZ" + b"\x00" * 100),
        ("no-suffix", checkpoint_bytes()),
        ("swapped.onnx", checkpoint_bytes()),
        ("script.pt", b"#!/bin/sh\nrm -rf /\n"),
        ("a" * 300 + ".pt", checkpoint_bytes()),
        ("../../etc/passwd.pt", checkpoint_bytes()),
        ("nul\x00.pt", checkpoint_bytes()),
    ],
    ids=lambda value: value[:24].replace("\x00", "0") if isinstance(value, str) else "",
)
def test_what_cannot_be_a_model_is_refused_before_a_worker_is_bothered(api, engineer, project, name, content):
    answer = _version_ask(api(engineer), content, name)
    assert 400 <= answer.status_code < 500, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"].endswith(".")
    assert "Traceback" not in answer.content.decode()
    assert not ModelVersion.objects.exists()
    assert not RegisteredModel.objects.exists()


def _pickle_of(value: object) -> bytes:
    return torch_archive(pickle.dumps(value, protocol=2))


def _slip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, protocol=2))
        archive.writestr("../../outside", b"x")
    return buffer.getvalue()


def _weights_changed(change: str) -> bytes:
    """The demo model with NaN weights, or without classes; made where torch may be imported."""
    import torch
    from ultralytics.nn.tasks import DetectionModel  # noqa: F401 - the checkpoint names it

    checkpoint = torch.load(WEIGHTS, map_location="cpu", weights_only=False)
    if change == "nan":
        next(checkpoint["model"].parameters()).data.fill_(float("nan"))
    else:
        checkpoint["model"].names = {}
        checkpoint["model"].nc = 0
        checkpoint["model"].yaml["nc"] = 0
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    return buffer.getvalue()


CASES = {
    "truncated-zip.pt": lambda: WEIGHTS.read_bytes()[:-40_000],
    "half.pt": lambda: WEIGHTS.read_bytes()[:3_000_000],
    "zip-bomb.pt": zip_bomb,
    "path-traversal.pt": _slip,
    "zip-of-text.pt": lambda: zip_of(("notes.txt", b"hello", 0)),
    "dict.pt": lambda: _pickle_of({"epoch": 3, "names": ["circle"]}),
    "number.pt": lambda: _pickle_of(7),
    "calls-system.pt": lambda: torch_archive(call_by_name("os", "system", "touch /tmp/should-not-be")),
    "nan-weights.pt": lambda: _weights_changed("nan"),
    "no-classes.pt": lambda: _weights_changed("classes"),
    "reads-a-file.onnx": lambda: onnx_external("/etc/passwd"),
    "custom-operators.onnx": lambda: onnx_custom_domain("evil.example"),
    "nested.onnx": lambda: onnx_nested(5_000),
}


@pytest.fixture(scope="module")
def the_engine():
    runner.engine_close()
    yield
    runner.engine_close()


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", list(CASES))
def test_what_only_the_engine_can_tell_fails_the_job_with_a_cause(
    engineer, project, version_of, name, the_engine, tmp_path_factory, settings
):
    # The confined job's user, another one when this test is root, must be able to reach its work folder; and the
    # engine, which serves all cases, was told one root of all work folders.
    root = tmp_path_factory.getbasetemp() / "malformed"
    root.mkdir(exist_ok=True)
    for folder in (root, *root.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    settings.DEPLOYHUB_WORK_ROOT = root
    version = version_of(engineer, project, content=CASES[name](), name=name)
    job = version_inspection_job(version)
    assert job is not None
    assert runner.job_run(job_id=job.pk, worker_name="test") == "failed"
    job.refresh_from_db()
    version.refresh_from_db()
    assert version.state == "refused", (job.error_code, job.error_detail)
    assert job.error_detail.endswith((".", "!")), job.error_detail
    assert job.error_code not in ("defect", "engine_crashed", "engine_error")
    assert version.refusal
    assert not Path("/tmp/should-not-be").exists()


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_after_all_of_them_a_good_model_is_still_accepted(
    engineer, project, version_of, the_engine, tmp_path_factory, settings
):
    settings.DEPLOYHUB_WORK_ROOT = tmp_path_factory.getbasetemp() / "malformed"
    version = version_of(engineer, project, content=WEIGHTS.read_bytes())
    job = version_inspection_job(version)
    assert job is not None
    assert runner.job_run(job_id=job.pk, worker_name="test") == "succeeded"
    version.refresh_from_db()
    assert (version.state, version.architecture, version.variant) == ("accepted", "YOLOv8", "n")
    assert version.class_names == ["circle", "square", "triangle", "star"]

"""The whole way with the real engine: demo weights in, an ONNX that runs out."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deployhub.jobs import runner
from deployhub.jobs.models import Job
from deployhub.jobs.runner import job_run
from deployhub.registry.models import Artifact
from deployhub.registry.storage import blob_copy

WEIGHTS = Path(__file__).resolve().parents[2] / "deployhub/engine/demo/shapes-yolov8n.pt"


@pytest.mark.engine
@pytest.mark.django_db
def test_the_demo_model_becomes_a_verified_onnx_that_runs(make_version, export, tmp_path):
    # The confined job's user, another one when this test is root, must be able to reach its work folder.
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    runner.engine_close()
    try:
        asked = export(make_version(content=WEIGHTS.read_bytes()), image_size_px=64)
        state = job_run(job_id=asked.export.job_id, worker_name="north")
    finally:
        runner.engine_close()
    job = Job.objects.get()
    assert state == "succeeded", (
        job.error_code,
        job.error_detail,
        [line.text for line in job.log_lines.all()],
    )
    artifact = Artifact.objects.get()
    assert artifact.proof == "verified", artifact.proof_reason
    assert artifact.comparison["passed"]
    assert artifact.latency_ms["artifact"] > 0
    path = tmp_path / "artifact.onnx"
    blob_copy(artifact.files.get().blob, path)

    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    assert taken.shape == [1, 3, 64, 64]
    answered = session.run(None, {taken.name: numpy.zeros((1, 3, 64, 64), numpy.float32)})
    assert answered[0].shape[0] == 1

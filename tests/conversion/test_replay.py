"""An artifact is made again from what it was made of, and what came of it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployhub.jobs.models import Job
from deployhub.jobs.runner import job_run
from deployhub.kernel.errors import Conflict
from deployhub.registry.models import Artifact

pytestmark = pytest.mark.django_db


@pytest.fixture
def replayed(engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bytes]]:
    """The engine answers a replay with `equal_bytes`; what it was given of the first export is kept."""
    given: list[dict[str, bytes]] = []
    plain = engine.run

    def run(*, workdir: Path, spec: Any, **more: Any) -> Any:
        if spec["kind"] != "replay":
            return plain(workdir=workdir, spec=spec, **more)
        before = workdir / spec["previous"]
        given.append(
            {p.relative_to(before).as_posix(): p.read_bytes() for p in before.rglob("*") if p.is_file()}
        )
        return {
            "files": [],
            "replay": {"outcome": "equal_bytes", "detail": "Every file has the same bytes."},
            "toolchain": {"ultralytics": "8.4.190", "torch": "2.15.0"},
        }

    monkeypatch.setattr(engine, "run", run)
    return given


def test_an_engineer_makes_an_artifact_again_and_reads_how_alike_the_two_are(
    client: Any, engineer: Any, artifact: Any, replayed: list[dict[str, bytes]]
) -> None:
    client.force_login(engineer)
    answer = client.post("/api/v1/replays/", {"artifact": str(artifact.pk)}, content_type="application/json")
    assert answer.status_code == 202, answer.content
    job = Job.objects.get(kind="artifact_replay")
    assert answer["Location"].endswith(f"{job.pk}/")
    assert job_run(job_id=job.pk, worker_name="north") == "succeeded"
    assert replayed == [{"model.onnx": b"onnx bytes"}]
    result = client.get(f"/api/v1/jobs/{job.pk}/").json()["result"]
    assert result["outcome"] == "equal_bytes"
    assert "torch 2.14.1 then, 2.15.0 now" in result["detail"]
    assert "equal bytes" in client.get(f"/artifacts/{artifact.pk}/").content.decode().lower()
    assert Artifact.objects.count() == 1, "nothing is stored but the finding"


def test_a_second_replay_waits_for_the_first(acting: Any, engineer: Any, artifact: Any) -> None:
    from deployhub.conversion.services import artifact_replay

    artifact_replay(actor=acting(engineer), artifact=artifact)
    with pytest.raises(Conflict, match="already"):
        artifact_replay(actor=acting(engineer), artifact=artifact)


def test_an_artifact_whose_list_of_packages_is_gone_is_not_made_again_with_others(
    client: Any, engineer: Any, artifact: Any
) -> None:
    from deployhub.audit.scope import system_scope

    with system_scope("made elsewhere"):
        Artifact.objects.update(toolchain={"ultralytics": "8.4.190", "lock_sha256": "ab" * 32})
    client.force_login(engineer)
    page = client.post(f"/artifacts/{artifact.pk}/replay/", follow=True).content.decode()
    assert "list of packages that this artifact was made with is not kept here" in page
    assert not Job.objects.filter(kind="artifact_replay").exists()


def test_a_viewer_does_not_make_artifacts_again(client: Any, viewer: Any, artifact: Any) -> None:
    client.force_login(viewer)
    assert client.post(f"/artifacts/{artifact.pk}/replay/").status_code == 403
    body = {"artifact": str(artifact.pk)}
    assert client.post("/api/v1/replays/", body, content_type="application/json").status_code == 403
    assert "Make again" not in client.get(f"/artifacts/{artifact.pk}/").content.decode()


def test_an_outcome_that_nobody_knows_fails_the_job(
    acting: Any, engineer: Any, artifact: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployhub.conversion.services import artifact_replay

    monkeypatch.setattr(engine, "run", lambda **how: {"replay": {"outcome": "certainly"}})
    job = artifact_replay(actor=acting(engineer), artifact=artifact)
    assert job_run(job_id=job.pk, worker_name="north") == "failed"
    assert Job.objects.get(pk=job.pk).error_code == "engine_output_invalid"

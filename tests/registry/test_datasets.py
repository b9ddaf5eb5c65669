"""Datasets: uploaded, checked, refused or accepted, shown, compared."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

pytest.importorskip("PIL")

from deployhub.audit.models import AuditEvent
from deployhub.engine.client import EngineFailed
from deployhub.jobs import runner
from deployhub.registry.models import Dataset, DatasetVersion
from deployhub.registry.selectors import dataset_check_job
from deployhub.registry.services import datasets as services
from tests.engine.datasets.packed import dataset as files_of
from tests.engine.datasets.packed import picture
from tests.registry.conftest import tus_send

pytestmark = pytest.mark.django_db(transaction=True)
DEMO = Path(__file__).resolve().parents[2] / "deployhub" / "engine" / "demo"
GOOD = ("0 0.5 0.5 0.2 0.2\n", "1 0.4 0.4 0.2 0.3\n")


def zipped(files: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class EngineHere:
    """The check itself without the sandbox around it; `spoil` changes the result, as a captured engine would."""

    def __init__(self, spoil: Any = None) -> None:
        self.spoil = spoil

    def run(
        self, *, workdir: Path, spec: dict[str, Any], limits: Any, on_event: Any, should_stop: Any
    ) -> Any:
        from deployhub.engine.datasets.check import dataset_check

        if isinstance(self.spoil, Exception):
            raise self.spoil
        out = workdir / "out"
        result = dataset_check(workdir / spec["source"], purpose=spec["purpose"], out=out, emit=on_event)
        result = json.loads(json.dumps(result))
        if self.spoil is not None:
            self.spoil(result, out)
        return result


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the latest check of a version; returns the job."""

    def run(version: DatasetVersion, spoil: Any = None) -> Any:
        monkeypatch.setattr(runner, "engine", lambda: EngineHere(spoil))
        job = dataset_check_job(version)
        assert job is not None
        runner.job_run(job_id=job.pk, worker_name="test")
        job.refresh_from_db()
        version.refresh_from_db()
        return job

    return run


@pytest.fixture
def version_with(dataset_of: Any, engineer: Any, project: Any) -> Any:
    """The first version of a new dataset of these files."""

    def make(files: dict[str, Any], purpose: str = "evaluation") -> DatasetVersion:
        return dataset_of(engineer, project, content=zipped(files), purpose=purpose).versions.get()

    return make


@pytest.fixture
def extended(acting: Any, engineer: Any, uploaded: Any) -> Any:
    def make(dataset: Dataset, files: dict[str, Any], **more: Any) -> DatasetVersion:
        upload = uploaded(engineer, dataset.project, content=zipped(files), name="more.zip")
        return services.dataset_extend(actor=acting(engineer), dataset=dataset, upload=upload, **more)

    return make


def test_an_engineer_uploads_a_dataset_through_the_api_and_reads_its_report(api, engineer, project, checked):
    client = api(engineer)
    sent = tus_send(client, zipped(files_of([*GOOD, None])), name="set.zip")
    body = {"upload": sent.upload_id, "name": "Shelves", "purpose": "evaluation"}
    made = client.post("/api/v1/datasets/", body, format="json")
    assert made.status_code == 201, made.content
    newest = made.json()["newest"]
    assert (newest["number"], newest["state"], newest["manifest_sha256"]) == (1, "checking", "")

    version = DatasetVersion.objects.get(pk=newest["id"])
    job = checked(version)
    assert job.state == "succeeded", job.error_detail
    phases = list(job.phases.values_list("name", "done", "total"))
    assert ("Reading the images", 3, 3) in phases
    seen = client.get(f"/api/v1/dataset-versions/{version.pk}/").json()
    assert (seen["state"], seen["task"], seen["class_names"]) == ("accepted", "detect", ["circle", "square"])
    assert len(seen["manifest_sha256"]) == 64
    finding = next(each for each in seen["report"] if each["code"] == "label_missing")
    assert (finding["severity"], finding["examples"][0]["file"]) == ("warning", "images/val/002.jpg")
    assert seen["statistics"]["objects"] == 2
    assert sum(seen["profile"]["brightness"]["counts"]) == 3
    picture_answer = client.get(f"/api/v1/dataset-versions/{version.pk}/thumbnails/0/")
    assert picture_answer.content.startswith(b"\xff\xd8\xff")
    assert picture_answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"/api/v1/dataset-versions/{version.pk}/thumbnails/3/").status_code == 404
    assert AuditEvent.objects.filter(action="dataset.create", object_id=str(version.pk)).exists()


def test_errors_refuse_the_version_and_the_page_says_which(browser, engineer, version_with, checked):
    version = version_with(files_of([*GOOD, "7 0.5 0.5 0.1 0.1\n"]))
    assert checked(version).state == "succeeded"
    assert version.state == "refused"
    assert "class numbers that data.yaml doesn't name (1)" in version.refusal
    page = browser(engineer).get(f"/dataset-versions/{version.pk}/").content.decode()
    assert "labels/val/002.txt:1" in page
    assert "Number the classes from 0" in page


def test_a_bomb_of_a_picture_refuses_the_version(version_with, checked):
    from tests.engine.datasets.test_check import bomb

    version = version_with(files_of(GOOD, **{"images/val/x.png": bomb(), "labels/val/x.txt": GOOD[0]}))
    assert checked(version).state == "succeeded"
    assert version.state == "refused"
    assert version.report[0]["code"] == "image_huge"


def test_a_failure_that_is_not_the_files_fault_can_be_tried_again(
    acting, engineer, version_with, checked, browser
):
    version = version_with(files_of(GOOD))
    assert (
        checked(version, EngineFailed("engine_crashed", "The engine crashed.", "Try again.")).state
        == "failed"
    )
    assert version.state == "checking"
    client = browser(engineer)
    assert "The check did not end" in client.get(f"/dataset-versions/{version.pk}/").content.decode()
    assert client.post(f"/dataset-versions/{version.pk}/check/").status_code == 302
    checked(version)
    assert version.state == "accepted"


def test_a_zip_that_is_no_dataset_is_refused_with_the_engines_sentence(version_with, checked):
    version = version_with(files_of(GOOD))
    job = checked(version, EngineFailed("corrupt_file", "The zip is damaged.", "Make it again."))
    assert (job.state, version.state, version.refusal) == (
        "failed",
        "refused",
        "The zip is damaged. Make it again.",
    )


def test_an_accepted_version_never_changes(acting, engineer, version_with, checked):
    from deployhub.kernel.errors import Conflict

    version = version_with(files_of(GOOD))
    checked(version)
    with pytest.raises(Conflict, match="never changes"):
        services.dataset_check(actor=acting(engineer), version=version)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda result, out: result.update(manifest_sha256="0" * 64),
        lambda result, out: result["findings"].append({"code": "x"}),
        lambda result, out: result["findings"][0].update(severity="fine"),
        lambda result, out: result["statistics"].update(images=-1),
        lambda result, out: result["profile"]["brightness"].update(mean=float("nan")),
        lambda result, out: result.update(task="mind-reading"),
        lambda result, out: result["thumbnails"].extend(result["thumbnails"] * 60),
        lambda result, out: (out / "thumbnails" / "00.jpg").write_bytes(b"<svg onload=alert(1)>"),
        lambda result, out: (out / "manifest.json").unlink(),
        lambda result, out: result.pop("statistics"),
    ],
)
def test_a_captured_engine_cannot_make_the_web_world_keep_what_is_wrong(version_with, checked, spoil):
    version = version_with(files_of(GOOD))
    job = checked(version, spoil)
    assert (job.state, job.error_code) == ("failed", "engine_output_invalid")
    assert version.state == "checking"


def test_what_a_captured_engine_calls_a_file_does_not_become_a_path(version_with, checked):
    def spoil(result: dict[str, Any], out: Path) -> None:
        result["thumbnails"][0]["file"] = "../../../etc/passwd"

    version = version_with(files_of(GOOD))
    assert checked(version, spoil).state == "succeeded"


def test_the_demo_datasets_pass_the_same_check(acting, administrator, checked):
    from deployhub.portal.services import demo_load

    demo_load(actor=acting(administrator))
    versions = DatasetVersion.objects.all()
    assert versions.count() == 2
    for version in versions:
        checked(version)
        assert version.state == "accepted", version.refusal
        assert version.severity_counts() == {"error": 0, "warning": 0, "notice": 1}


def test_a_new_version_leaves_the_old_one_and_the_two_can_be_compared(
    browser, api, engineer, version_with, extended, checked
):
    first = version_with(files_of(GOOD))
    changed = files_of([GOOD[0], "1 0.4 0.4 0.2 0.1\n", GOOD[0]])
    changed["images/val/000.jpg"] = picture(50)
    second = extended(first.dataset, changed, notes="More shelves")
    assert second.number == 2
    client, rest = browser(engineer), api(engineer)
    assert rest.get(f"/api/v1/dataset-versions/{second.pk}/compare/{first.pk}/").status_code == 409
    checked(first)
    checked(second)
    told = rest.get(f"/api/v1/dataset-versions/{second.pk}/compare/{first.pk}/").json()
    assert (told["added"], told["removed"]) == (["images/val/002.jpg"], [])
    assert (told["changed"], told["relabelled"]) == (["images/val/000.jpg"], ["images/val/001.jpg"])
    assert told["counts"]["unchanged"] == 0
    page = client.get(f"/dataset-versions/{second.pk}/?tab=versions&base={first.pk}").content.decode()
    assert "From v1 to v2" in page
    assert "images/val/002.jpg" in page
    listed = rest.get("/api/v1/datasets/").json()["results"][0]
    assert (listed["version_count"], listed["newest"]["number"]) == (2, 2)


def test_the_same_file_is_not_a_version_twice(api, engineer, project, dataset_of):
    content = zipped(files_of(GOOD))
    version = dataset_of(engineer, project, content=content).versions.get()
    client = api(engineer)
    sent = tus_send(client, content, name="again.zip")
    body = {"upload": sent.upload_id, "dataset": str(version.dataset_id)}
    answer = client.post("/api/v1/dataset-versions/", body, format="json")
    assert answer.status_code == 409
    assert answer.json()["version_id"] == str(version.pk)


def test_every_tab_of_the_page_opens_before_and_after_the_check(browser, viewer, version_with, checked):
    version = version_with(files_of([GOOD[0], GOOD[1] * 2, ""]))
    client = browser(viewer)
    for _ in range(2):
        for tab in ("", "images", "statistics", "versions", "history"):
            assert client.get(f"/dataset-versions/{version.pk}/?tab={tab}").status_code == 200
        assert client.get(f"/datasets/{version.dataset_id}/").status_code == 200
        assert client.get("/datasets/").status_code == 200
        checked(version)
    page = client.get(f"/dataset-versions/{version.pk}/?tab=images&class=1").content.decode()
    assert "1 of 3 pictures" in page
    assert re.search(r'class="tab" href="[^"]*tab=images" aria-current="page"', page)
    assert re.search(r'class="nav-item" href="/datasets/[^"]*" aria-current="page"', page)
    assert "<rect x=" in page
    assert " style=" not in page
    image = client.get(f"/dataset-versions/{version.pk}/images/0/").content.decode()
    assert "The same box twice in one image" in image
    assert client.get(f"/dataset-versions/{version.pk}/images/9/").status_code == 404


def test_an_engineer_uploads_a_new_version_with_the_form_alone(browser, engineer, version_with):
    version = version_with(files_of(GOOD))
    sent = browser(engineer).post(
        f"/datasets/{version.dataset_id}/extend/",
        {"file": SimpleUploadedFile("more.zip", zipped(files_of(GOOD[:1]))), "notes": "less"},
    )
    assert sent.status_code == 302, sent.content.decode()[-2000:]
    assert version.dataset.versions.get(number=2).notes == "less"


def test_a_viewer_neither_extends_nor_checks(browser, viewer, version_with):
    version = version_with(files_of(GOOD))
    client = browser(viewer)
    assert client.get(f"/datasets/{version.dataset_id}/extend/").status_code in (403, 404)
    assert client.post(f"/dataset-versions/{version.pk}/check/").status_code in (403, 404)
    assert "New version" not in client.get(f"/datasets/{version.dataset_id}/").content.decode()


def test_the_check_of_a_dataset_runs_in_the_sandbox_and_finds_what_is_wrong(version_with):
    """The real engine, confined: the same job, the same report."""
    version = version_with(files_of([*GOOD, "0 0.5 0.5 0 0\n"]))
    job = dataset_check_job(version)
    try:
        runner.job_run(job_id=job.pk, worker_name="test")
    finally:
        runner.engine_close()
    job.refresh_from_db()
    version.refresh_from_db()
    assert job.state == "succeeded", job.error_detail
    assert [finding["code"] for finding in version.report if finding["severity"] == "error"] == [
        "box_degenerate"
    ]
    assert len(version.thumbnails) == 3

"""The export form, artifacts and the API."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.conversion.models import Export
from deployhub.jobs.models import Job
from deployhub.jobs.runner import job_run
from deployhub.registry.archives import archive_size
from deployhub.registry.models import Artifact

pytestmark = pytest.mark.django_db


def body_of(response):
    return b"".join(response.streaming_content)


def test_the_form_comes_from_the_catalogue(version, catalogue, browser, engineer):
    page = browser(engineer).get(f"/exports/new/?version={version.pk}").content.decode()
    for option in catalogue.content["formats"][0]["options"]:
        assert option["label"] in page
        assert option["help"].split("'")[0] in page
    assert 'value="96"' in page  # the size it was trained with
    missing = next(entry for entry in catalogue.content["formats"] if not entry["available"])
    assert missing["label"] in page


def test_another_format_brings_its_own_options(version, catalogue, browser, engineer):
    client = browser(engineer)
    assert "Opset" in client.get(f"/exports/new/?version={version.pk}&format=onnx").content.decode()
    page = client.get(f"/exports/new/?version={version.pk}&format=openvino").content.decode()
    cards = re.findall(r'<input type="radio"[^>]*name="format" value="(\w+)"( checked)?', page)
    assert [key for key, checked in cards if checked] == ["openvino"]
    assert "Opset" not in client.get(f"/exports/new/?version={version.pk}&format=openvino").content.decode()


def test_asking_leads_to_the_job_and_asking_again_to_the_artifact(
    version, catalogue, engine, browser, engineer
):
    client = browser(engineer)
    form = {
        "version": str(version.pk),
        "format": "onnx",
        "options.image_size_px": "64",
        "options.simplify": "on",
    }
    first = client.post("/exports/new/", form)
    job = Job.objects.get()
    assert first["Location"] == f"/jobs/{job.pk}/"
    assert job.spec["options"]["simplify"] is True
    assert job.spec["options"]["nms"] is False
    assert job_run(job_id=job.pk, worker_name="north") == "succeeded"
    again = client.post("/exports/new/", form, follow=True)
    assert again.redirect_chain[0][0] == f"/artifacts/{Artifact.objects.get().pk}/"
    assert "exists already" in again.content.decode()


def test_what_was_typed_comes_back_with_the_reason(version, catalogue, browser, engineer):
    form = {"version": str(version.pk), "format": "onnx", "options.image_size_px": "65", "options.batch": "3"}
    answer = browser(engineer).post("/exports/new/", form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "multiple of 32 px" in page
    assert 'value="65"' in page
    assert 'value="3"' in page
    assert not Job.objects.exists()


def test_without_a_worker_the_page_says_so(version, browser, engineer):
    assert (
        "No worker has started yet"
        in browser(engineer).get(f"/exports/new/?version={version.pk}").content.decode()
    )


def test_without_a_version_the_page_offers_those_that_may_be_exported(
    make_version, catalogue, browser, engineer
):
    make_version()
    make_version(state="refused")
    page = browser(engineer).get("/exports/new/").content.decode()
    assert page.count("<option") == 1


def test_the_artifacts_page_tells_the_proof_and_where_it_came_from(artifact, browser, viewer):
    page = browser(viewer).get(f"/artifacts/{artifact.pk}/").content.decode()
    for words in ("Verified at its export", "1.2e-05", "0.9999999", "12.34", "5.67", "8.4.190", "Test CPU",
                  "Shapes detector", "within the tolerance", "No certificate"):  # fmt: skip
        assert words in page, words
    assert artifact.files.get().blob.sha256 in page
    assert "/download/" not in page  # a viewer may look, not take


@pytest.mark.parametrize("proof", ["loadable", "exported"])
def test_what_is_not_verified_is_never_shown_as_good(version, export, engine, browser, engineer, proof):
    engine.result.update(proof=proof, proof_reason="The outputs differ.", comparison=None)
    job_run(job_id=export(version).export.job_id, worker_name="north")
    page = browser(engineer).get(f"/artifacts/{Artifact.objects.get().pk}/").content.decode()
    assert "The outputs differ." in page
    assert "Verified" not in page
    assert "tone-success" not in page


def test_promise_08_a_download_is_in_the_log_before_its_first_byte(
    artifact, browser, engineer, viewer, monkeypatch
):
    answer = browser(engineer).get(f"/artifacts/{artifact.pk}/download/")
    assert AuditEvent.objects.filter(action="artifact.download", object_id=str(artifact.pk)).count() == 1
    assert body_of(answer) == b"onnx bytes"
    assert "shapes-detector-v1-onnx-fp32.onnx" in answer["Content-Disposition"]
    assert browser(viewer).get(f"/artifacts/{artifact.pk}/download/").status_code == 403

    from deployhub.kernel.errors import AuditUnavailable
    from deployhub.registry import downloads

    def broken(*args, **kwargs):
        raise AuditUnavailable

    monkeypatch.setattr(downloads, "event_record", broken)
    refused = browser(engineer).get(f"/artifacts/{artifact.pk}/download/")
    assert refused.status_code == 503
    assert b"onnx bytes" not in refused.content


@pytest.fixture
def folder_artifact(version, export, engine):
    engine.files = {
        "model_openvino_model/model.xml": b"<net/>" * 50_000,
        "model_openvino_model/model.bin": b"\1" * 3_000_000,
    }
    assert job_run(job_id=export(version, "openvino").export.job_id, worker_name="north") == "succeeded"
    return Artifact.objects.get()


def test_a_folder_comes_as_a_zip_file_that_is_the_same_each_time(folder_artifact, browser, engineer):
    url = f"/artifacts/{folder_artifact.pk}/download/"
    first, second = (browser(engineer).get(url) for _ in range(2))
    content = body_of(first)
    assert int(first["Content-Length"]) == len(content)
    assert content == body_of(second)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.read("model_openvino_model/model.xml") == b"<net/>" * 50_000
    rest = browser(engineer).get(url, headers={"Range": "bytes=1000000-"})
    assert rest.status_code == 206
    assert body_of(rest) == content[1_000_000:]
    one = browser(engineer).get(f"{url}?path=model_openvino_model/model.xml")
    assert body_of(one) == b"<net/>" * 50_000
    assert browser(engineer).get(f"{url}?path=../../etc/passwd").status_code == 404


def test_the_size_of_a_huge_zip_file_is_told_right(monkeypatch, folder_artifact):
    from deployhub.registry import archives

    entries = [(file.path, file.blob) for file in folder_artifact.files.all()]
    assert archives._archive_size_counted(entries) == archive_size(entries)


def test_the_api_asks_for_an_export_and_finds_it_again(version, catalogue, engine, api, engineer):
    client = api(engineer)
    asked = {"version": str(version.pk), "format": "onnx", "options": {"image_size_px": 64}}
    first = client.post("/api/v1/exports/", asked, format="json")
    assert first.status_code == 202
    assert first["Location"] == f"/api/v1/jobs/{first.json()['job']}/"
    assert job_run(job_id=Job.objects.get().pk, worker_name="north") == "succeeded"
    again = client.post("/api/v1/exports/", asked, format="json")
    artifact = Artifact.objects.get()
    assert (again.status_code, again.json()["artifact"]) == (200, str(artifact.pk))
    assert client.get(f"/api/v1/exports/{again.json()['id']}/").json()["key"] == artifact.key
    assert len(client.get("/api/v1/exports/?format=onnx").json()["results"]) == 2
    told = client.get(again["Location"]).json()
    assert (told["proof"], told["files"][0]["path"], told["options"]["image_size_px"]) == (
        "verified",
        "model.onnx",
        64,
    )
    assert client.get(f"/api/v1/artifacts/{artifact.pk}/files/").json()[0]["size_bytes"] == 10
    assert body_of(client.get(f"/api/v1/artifacts/{artifact.pk}/download/")) == b"onnx bytes"
    assert [a["id"] for a in client.get("/api/v1/artifacts/?proof=verified&q=shapes").json()["results"]] == [
        str(artifact.pk)
    ]
    assert client.get("/api/v1/artifacts/?proof=loadable").json()["results"] == []


def test_the_api_refuses_with_the_names_of_the_options(version, catalogue, api, engineer):
    asked = {"version": str(version.pk), "format": "onnx", "options": {"image_size_px": 65, "batch": "x"}}
    refused = api(engineer).post("/api/v1/exports/", asked, format="json")
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"options.image_size_px", "options.batch"}


def test_the_same_idempotency_key_asks_once(version, catalogue, api, engineer):
    client = api(engineer)
    asked = {"version": str(version.pk), "format": "onnx"}
    first, second = (
        client.post("/api/v1/exports/", asked, format="json", headers={"Idempotency-Key": "pipeline-42"})
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert Export.objects.count() == 1


def test_the_catalogue_is_told_with_its_options(catalogue, api, viewer):
    told = api(viewer).get("/api/v1/formats/").json()
    assert {"onnx", "torchscript", "openvino"} <= {entry["key"] for entry in told["formats"]}
    assert api(viewer).get("/api/v1/formats/onnx/").json()["options"][0]["name"] == "precision"
    assert api(viewer).get("/api/v1/formats/teleport/").status_code == 404


def test_promise_14_a_stranger_finds_nothing_of_another_project(artifact, browser, api, stranger):
    page, rest = browser(stranger), api(stranger)
    missing = "01890000-0000-7000-8000-000000000000"
    same = {"X-Request-Id": "same-request"}
    for path in ("artifacts/{}/", "artifacts/{}/files/", "artifacts/{}/download/"):
        real = rest.get(f"/api/v1/{path.format(artifact.pk)}", headers=same)
        none = rest.get(f"/api/v1/{path.format(missing)}", headers=same)
        assert (real.status_code, real.content) == (404, none.content)
    assert rest.get(f"/api/v1/exports/{Export.objects.get().pk}/").status_code == 404
    asked = {"version": str(artifact.version_id), "format": "onnx"}
    assert rest.post("/api/v1/exports/", asked, format="json").status_code == 404
    assert page.get(f"/artifacts/{artifact.pk}/").status_code == 404
    assert page.get(f"/artifacts/{artifact.pk}/download/").status_code == 404
    assert page.get(f"/exports/new/?version={artifact.version_id}").status_code == 404
    for noun in ("artifacts", "exports", "jobs"):
        assert rest.get(f"/api/v1/{noun}/").json()["results"] == []
    assert "shapes-detector" not in page.get("/artifacts/").content.decode()


def test_looking_at_artifacts_is_in_the_log(artifact, browser, api, viewer):
    browser(viewer).get(f"/artifacts/{artifact.pk}/")
    api(viewer).get(f"/api/v1/artifacts/{artifact.pk}/")
    browser(viewer).get("/artifacts/")
    seen = AuditEvent.objects.filter(action="artifact.view", actor_id=viewer.pk)
    assert seen.filter(object_id=str(artifact.pk)).count() == 2
    assert seen.filter(object_id="").count() == 1

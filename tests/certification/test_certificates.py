"""From the request for a certificate to the signed file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.certification.services.certificates import budget_set, certificate_request
from deployhub.certification.signing import certificate_key, public_key_hex
from deployhub.jobs.models import Job
from deployhub.kernel.errors import Forbidden, InvalidInput
from deployhub.registry.models import Certificate, CertificateBudget
from deployhub.witness.attestation import (
    BOM_TYPE,
    CERTIFICATE_TYPE,
    PROVENANCE_TYPE,
    AttestationError,
    bundle_open,
    statement_subjects,
)
from tests.certification.conftest import MeasuringEngine, line

pytestmark = pytest.mark.django_db


def key() -> bytes:
    return bytes.fromhex(public_key_hex(certificate_key())[1])


def test_an_engineer_has_an_artifact_certified(
    artifact: Any, evaluation_set: Any, certify: Any, engine: MeasuringEngine, engineer: Any
) -> None:
    certificate = certify(artifact)
    assert (certificate.outcome, certificate.number, certificate.created_by) == ("passed", 1, engineer)
    assert certificate.dataset_version == evaluation_set
    assert certificate.dataset == evaluation_set.dataset
    assert certificate.dataset_sha256 == evaluation_set.blob.sha256
    assert certificate.metrics["map50_95"]["artifact"] == 0.729
    assert set(engine.inputs) == {"in/source.pt", "in/artifact/model.onnx", "in/dataset.zip"}
    assert engine.specs[0]["budget"] == {"relative_error": 0.001, "metric_drop": 0.005}
    assert certificate.pictures.count() == 1
    assert AuditEvent.objects.filter(action="certificate.create", object_type="certificate").exists()


def test_without_an_evaluation_set_outputs_alone_are_compared(
    artifact: Any, certify: Any, engine: MeasuringEngine
) -> None:
    assert certify(artifact).dataset is None
    assert engine.specs[0]["dataset"] is None
    assert "in/dataset.zip" not in engine.inputs


def test_the_bundle_says_what_was_certified_from_what_and_with_what(artifact: Any, certify: Any) -> None:
    certificate = certify(artifact)
    statements = bundle_open(certificate.bundle, [key()])
    assert set(statements) == {CERTIFICATE_TYPE, PROVENANCE_TYPE, BOM_TYPE}
    told = statements[CERTIFICATE_TYPE]
    assert statement_subjects(told) == dict(artifact.files.values_list("path", "blob__sha256"))
    assert told["predicate"]["outcome"] == "passed"
    assert told["predicate"]["source"]["sha256"] == artifact.version.blob.sha256
    built = statements[PROVENANCE_TYPE]["predicate"]["buildDefinition"]
    assert built["externalParameters"] == {"format": "onnx", "options": artifact.options}
    assert built["resolvedDependencies"][0]["digest"] == {"sha256": artifact.version.blob.sha256}
    assert statements[BOM_TYPE]["predicate"]["metadata"]["component"]["type"] == "machine-learning-model"


def test_a_changed_word_breaks_the_signature(artifact: Any, certify: Any) -> None:
    import base64

    envelope, *rest = certify(artifact).bundle.splitlines()
    told = json.loads(envelope)
    payload = json.loads(base64.b64decode(told["payload"]))
    payload["predicate"]["outcome"] = "failed"
    told["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    with pytest.raises(AttestationError, match="signature does not hold"):
        bundle_open("\n".join([json.dumps(told), *rest]), [key()])


def test_another_key_is_not_believed(artifact: Any, certify: Any) -> None:
    with pytest.raises(AttestationError, match="signature does not hold"):
        bundle_open(certify(artifact).bundle, [bytes(32)])


def test_statements_of_two_certificates_cannot_be_mixed(
    artifact: Any, make_version: Any, certify: Any
) -> None:
    import io

    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import Artifact, ArtifactFile
    from deployhub.registry.storage import blob_store

    with system_scope("another artifact"):
        fields = {"project": artifact.project, "version": artifact.version}
        other = Artifact.objects.create(
            key="k2", format_key="onnx", format_label="ONNX", precision="fp32", file_name="b.onnx",
            manifest_sha256="2" * 64, size_bytes=5, **fields,
        )  # fmt: skip
        ArtifactFile.objects.create(
            project=artifact.project, artifact=other, path="model.onnx", blob=blob_store(io.BytesIO(b"other"))
        )
    first, second = certify(artifact).bundle.splitlines(), certify(other).bundle.splitlines()
    with pytest.raises(AttestationError, match="different files"):
        bundle_open("\n".join([first[0], second[1]]), [key()])


# The engine ran an untrusted model: what it says of itself is judged here.


def test_a_value_over_its_limit_fails_whatever_the_engine_says(
    artifact: Any, certify: Any, engine: MeasuringEngine
) -> None:
    engine.result["lines"] = [{**line("output0, relative error", 0.5, 0.001), "holds": True}]
    certificate = certify(artifact)
    assert certificate.outcome == "failed"
    assert certificate.lines[0]["holds"] is False
    assert "output0, relative error: 0.5, at most 0.001 is allowed" in certificate.reason


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_number_keeps_no_limit(
    artifact: Any, certify: Any, engine: MeasuringEngine, value: Any
) -> None:
    engine.result["lines"] = [{**line("output0, relative error", value, 0.001), "holds": True}]
    assert certify(artifact).outcome == "failed"


def test_passed_without_a_judged_output_is_not_verified(
    artifact: Any, certify: Any, engine: MeasuringEngine
) -> None:
    engine.result["lines"] = [line("size", 10.0, 20.0, check="file")]
    certificate = certify(artifact)
    assert certificate.outcome == "unverified"
    assert certificate.reason == "The engine judged none of the outputs."


def test_a_picture_that_the_engine_did_not_make_ends_the_job(
    artifact: Any, certify: Any, engine: MeasuringEngine
) -> None:
    engine.result["viewed"][0]["file"] = "../../secret"
    assert certify(artifact) is None
    assert Job.objects.get().error_code == "engine_output_invalid"


def test_the_same_request_twice_is_one_job(artifact: Any, engineer: Any, acting: Any) -> None:
    first = certificate_request(actor=acting(engineer), artifact=artifact)
    second = certificate_request(actor=acting(engineer), artifact=artifact)
    assert not first.is_joined
    assert second.is_joined
    assert first.job == second.job


def test_a_job_that_runs_twice_makes_one_certificate(artifact: Any, certify: Any) -> None:
    from deployhub.certification.handlers import certify_run
    from deployhub.jobs.context import JobContext

    certificate = certify(artifact)
    again = certify_run(JobContext(job=certificate.job, engine=lambda: pytest.fail("no engine is needed")))
    assert again.commit() == {
        "certificate_id": str(certificate.pk), "artifact_id": str(artifact.pk), "outcome": "passed",
    }  # fmt: skip
    assert Certificate.objects.count() == 1


def test_a_viewer_may_look_and_not_ask(artifact: Any, viewer: Any, acting: Any) -> None:
    with pytest.raises(Forbidden):
        certificate_request(actor=acting(viewer), artifact=artifact)


def test_a_set_with_other_classes_is_refused(
    artifact: Any, evaluation_set: Any, engineer: Any, acting: Any
) -> None:
    from deployhub.audit.scope import system_scope

    with system_scope("classes"):
        type(artifact.version).objects.filter(pk=artifact.version_id).update(class_names=["circle", "square"])
        type(evaluation_set).objects.filter(pk=evaluation_set.pk).update(class_names=["square", "circle"])
    evaluation_set.refresh_from_db()
    with pytest.raises(InvalidInput) as refused:
        certificate_request(actor=acting(engineer), artifact=artifact, dataset=evaluation_set)
    assert "not those of the model" in refused.value.errors["dataset"][0]


# Budgets


def test_a_project_sets_its_own_limits(
    project: Any, artifact: Any, owner: Any, acting: Any, certify: Any, engine: MeasuringEngine
) -> None:
    budget_set(actor=acting(owner), project=project, precision="fp32", values={"relative_error": 0.2})
    certify(artifact)
    assert engine.specs[0]["budget"] == {"relative_error": 0.2, "metric_drop": 0.005}
    budget_set(actor=acting(owner), project=project, precision="fp32", values={"relative_error": 0.001})
    assert CertificateBudget.objects.get().values == {}, "what equals the default is not kept"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"relative_error": 2}, "Enter a number from 0 to 1."),
        ({"relative_error": float("nan")}, "Enter a number from 0 to 1."),
        ({"relative_error": "much"}, "Enter a number."),
        ({"speed": 1}, "There is no such limit."),
    ],
)
def test_a_limit_that_makes_no_sense_is_told(
    project: Any, catalogue: Any, owner: Any, acting: Any, values: Any, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        budget_set(actor=acting(owner), project=project, precision="fp32", values=values)
    assert list(refused.value.errors.values()) == [[said]]


def test_an_engineer_does_not_widen_the_budget(
    project: Any, catalogue: Any, engineer: Any, acting: Any
) -> None:
    with pytest.raises(Forbidden):
        budget_set(actor=acting(engineer), project=project, precision="fp32", values={"relative_error": 1})


def test_an_export_is_certified_by_itself_where_an_evaluation_set_fits(
    version: Any, catalogue: Any, evaluation_set: Any, engineer: Any, acting: Any, monkeypatch: Any
) -> None:
    from deployhub.conversion.services import export_create
    from deployhub.jobs import runner
    from deployhub.registry.models import Artifact
    from tests.conversion.conftest import FakeEngine

    monkeypatch.setattr(runner, "engine", FakeEngine)
    asked = export_create(actor=acting(engineer), version=version, format_key="onnx", options={})
    assert runner.job_run(job_id=asked.export.job_id, worker_name="north") == "succeeded"
    job = Job.objects.get(kind="certify")
    assert job.subject_id == Artifact.objects.get().pk
    assert job.spec["dataset_version_id"] == str(evaluation_set.pk)
    assert job.requested_by == engineer


def test_the_limit_that_was_asked_for_counts_and_not_the_one_that_the_engine_tells(
    artifact: Any, certify: Any, engine: MeasuringEngine
) -> None:
    engine.result["lines"] = [{**line("output0, relative error", 0.5, 9.0), "budget": "relative_error"}]
    certificate = certify(artifact)
    assert certificate.outcome == "failed"
    assert certificate.lines[0]["limit"] == 0.001

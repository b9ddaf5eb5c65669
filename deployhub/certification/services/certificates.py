"""Ask for a certificate, record what was measured, set what may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.audit.scope import touch
from deployhub.certification.budgets import budget_checked, budget_of
from deployhub.certification.measured import Measured
from deployhub.certification.selectors import datasets_fitting
from deployhub.certification.signing import certificate_key, public_key_hex
from deployhub.certification.statements import builder_id, bundle_make
from deployhub.certification.vocab import CERTIFY_IMAGES_MAX, CERTIFY_QUEUE
from deployhub.jobs.models import Job
from deployhub.jobs.services import job_enqueue
from deployhub.jobs.vocab import LIVE_STATES
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import InvalidInput
from deployhub.registry.models import (
    Artifact,
    Certificate,
    CertificateBudget,
    CertificateImage,
    DatasetVersion,
    Project,
)
from deployhub.registry.storage import StoredFile, blob_record
from deployhub.registry.vocab import CERTIFY_JOB, CertificateOutcome, DatasetPurpose
from deployhub.usecase import usecase


@dataclass(frozen=True, slots=True)
class CertificationRequested:
    """The job that certifies; `is_joined` when it was under way already."""

    job: Job
    is_joined: bool = False


@usecase("certificate.create", on="artifact")
def certificate_request(
    *, actor: Actor, artifact: Artifact, dataset: DatasetVersion | None = None, without_dataset: bool = False
) -> CertificationRequested:
    """Have an artifact certified, on an evaluation set: the one given, else the newest of its project that fits.

    Without a set (or `without_dataset`) outputs are compared on drawn images, and no task metric is measured.
    Raises InvalidInput for a set of another project, purpose or other classes.
    """
    # One request at a time for an artifact: of two equal ones the second finds the first one's job.
    artifact = (
        Artifact.objects.select_for_update(of=("self",))
        .select_related("version__model", "version__blob", "project")
        .get(pk=artifact.pk)
    )
    chosen = _dataset_chosen(artifact, dataset, without_dataset=without_dataset)
    spec = {
        "artifact_id": str(artifact.pk),
        "dataset_version_id": str(chosen.pk) if chosen else None,
        "budget": budget_of(artifact.project, artifact.precision),
        "images_limit": CERTIFY_IMAGES_MAX,
    }
    waiting = Job.objects.filter(
        kind=CERTIFY_JOB,
        subject_type=artifact.audit_type(),
        subject_id=artifact.pk,
        state__in=LIVE_STATES,
        cancel_requested_at=None,
    )
    for job in waiting:
        if job.spec == spec:
            touch(artifact, certificate="the same is being made already")
            return CertificationRequested(job, is_joined=True)
    job = job_enqueue(
        actor=actor,
        kind=CERTIFY_JOB,
        title=f"Certify {artifact}",
        project=artifact.project,
        spec=spec,
        subject=artifact,
        queue=CERTIFY_QUEUE,
    )
    return CertificationRequested(job)


def _dataset_chosen(
    artifact: Artifact, dataset: DatasetVersion | None, *, without_dataset: bool
) -> DatasetVersion | None:
    if without_dataset:
        return None
    if dataset is None:
        return next(iter(datasets_fitting(artifact.version)), None)
    if dataset.project_id != artifact.project_id or dataset.dataset.purpose != DatasetPurpose.EVALUATION:
        raise InvalidInput(
            "This dataset can't be used.",
            errors={"dataset": ["Choose an evaluation set of the artifact's own project."]},
        )
    if dataset not in datasets_fitting(artifact.version):
        raise InvalidInput(
            "This dataset can't be used.",
            errors={"dataset": ["Its classes are not those of the model, in the same order."]},
        )
    return dataset


@usecase("certificate.create", on="artifact")
def certificate_record(
    *,
    actor: Actor,
    artifact: Artifact,
    job: Job,
    dataset: DatasetVersion | None,
    measured: Measured,
    pictures: list[StoredFile],
) -> Certificate:
    """Write and sign a certificate whose bytes are stored already. Safe to repeat: a job has one certificate."""
    known = Certificate.objects.filter(job=job).first()
    if known is not None:
        touch(artifact, certificate=str(known))
        return known
    artifact = (
        Artifact.objects.select_for_update(of=("self",))
        .select_related("version__model", "version__blob", "project", "job")
        .get(pk=artifact.pk)
    )
    key = certificate_key()
    key_id, public_key = public_key_hex(key)
    latest = Certificate.objects.filter(artifact=artifact).order_by("-number").first()
    certificate = Certificate(
        project=artifact.project,
        artifact=artifact,
        number=latest.number + 1 if latest else 1,
        outcome=measured.outcome,
        reason=measured.reason,
        dataset=dataset.dataset if dataset else None,
        dataset_version=dataset,
        dataset_sha256=dataset.blob.sha256 if dataset else "",
        budget=job.spec["budget"],
        lines=measured.lines,
        metrics=measured.metrics,
        images=measured.images,
        inputs_sha256=measured.inputs_sha256,
        weights_sha256=measured.weights_sha256,
        graph=measured.graph,
        viewed=measured.viewed,
        runtime=measured.runtime,
        latency_ms=measured.latency_ms,
        toolchain=measured.toolchain,
        machine=measured.machine,
        durations_s=measured.durations_s,
        key_id=key_id,
        public_key=public_key,
        created_by_id=actor.user_id,
        job=job,
    )
    certificate.bundle = bundle_make(certificate, key=key, key_id=key_id, builder_id=builder_id())
    certificate.save()
    for position, stored in enumerate(pictures):
        CertificateImage.objects.create(
            project=artifact.project, certificate=certificate, position=position, blob=blob_record(stored)
        )
    if certificate.outcome != CertificateOutcome.PASSED and artifact.approved_at is not None:
        artifact.approved_by, artifact.approved_at = None, None
        artifact.save(update_fields=["approved_by", "approved_at"])
    return certificate


@usecase("certificate.budget", on="project")
def budget_set(
    *, actor: Actor, project: Project, precision: str, values: dict[str, Any], reason: str = ""
) -> CertificateBudget:
    """Say what artifacts of a precision may lose in this project. What is left out takes its default again.

    Raises InvalidInput with `values.<name>`.
    """
    cleaned = budget_checked(precision, values)
    budget = CertificateBudget.objects.filter(
        project=project, precision=precision
    ).first() or CertificateBudget(project=project, precision=precision)
    budget.values = cleaned
    budget.save()
    touch(project, budget=precision)
    return budget

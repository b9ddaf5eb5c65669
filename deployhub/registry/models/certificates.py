"""What is proven about an artifact: certificates, the budgets that they are judged by, and who went past one."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from deployhub.access.vocab import RequestState
from deployhub.registry.models.artifacts import Artifact
from deployhub.registry.models.datasets import Dataset, DatasetVersion
from deployhub.registry.models.files import Blob
from deployhub.registry.models.projects import OfProject
from deployhub.registry.vocab import CertificateOutcome


class Certificate(OfProject):
    """That an artifact equals its source within a budget, or by what it does not. Immutable and signed.

    lines, metrics, viewed, latency_ms: as `engine.spec.CertifyResult` describes them. bundle: the signed attestations,
    one DSSE envelope a line.
    """

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="certificates")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=12, choices=CertificateOutcome.choices)
    reason = models.TextField(blank=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="certificates", null=True)
    dataset_version = models.ForeignKey(
        DatasetVersion, on_delete=models.PROTECT, related_name="certificates", null=True
    )
    dataset_sha256 = models.CharField(max_length=64, blank=True)
    budget: Any = models.JSONField(default=dict)
    lines: Any = models.JSONField(default=list)
    metrics: Any = models.JSONField(default=dict)
    images = models.PositiveIntegerField(default=0)
    inputs_sha256 = models.CharField(max_length=64, blank=True)
    weights_sha256 = models.CharField(max_length=64, blank=True)
    graph: Any = models.JSONField(default=dict)
    viewed: Any = models.JSONField(default=list)
    runtime: Any = models.JSONField(default=dict)
    latency_ms: Any = models.JSONField(default=dict)
    toolchain: Any = models.JSONField(default=dict)
    machine: Any = models.JSONField(default=dict)
    durations_s: Any = models.JSONField(default=dict)
    bundle = models.TextField(blank=True)
    key_id = models.CharField(max_length=16, blank=True)
    public_key = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    job = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, related_name="certificates", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "number"], name="certificate_number_once"),
            models.UniqueConstraint(fields=["job"], name="certificate_job_once"),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="certificate_project")]

    def __str__(self) -> str:
        return f"Certificate {self.number} of {self.artifact}"

    @property
    def failed_lines(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["holds"] is False]


class CertificateImage(OfProject):
    """A picture of the side-by-side viewer: where it stands in `Certificate.viewed`, and its bytes."""

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="pictures")
    position = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="certificate_images")

    class Meta(OfProject.Meta):
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["certificate", "position"], name="certificate_image_once")
        ]

    def __str__(self) -> str:
        return f"Picture {self.position} of {self.certificate}"


class CertificateOverride(OfProject):
    """Leave to go on without a passed certificate: asked for by one person, given by another, with a reason.

    It holds for the certificate that stood when it was asked for; the next certificate speaks for itself.
    """

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="overrides")
    certificate = models.ForeignKey(
        Certificate, on_delete=models.PROTECT, related_name="overrides", null=True
    )
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.WAITING)
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["artifact"], condition=Q(state=RequestState.WAITING), name="override_waits_once"
            ),
            # Not only the policy says so: a row that names one person twice cannot be written.
            models.CheckConstraint(
                condition=Q(decided_by=None)
                | ~Q(state=RequestState.APPROVED)
                | ~Q(decided_by=F("requested_by")),
                name="override_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"Override for {self.artifact}"

    def audit_type(self) -> str:
        return "override"


class CertificateBudget(OfProject):
    """What a project allows artifacts of a precision to lose; a field that is not named takes its default."""

    precision = models.CharField(max_length=10)
    values: Any = models.JSONField(default=dict)

    class Meta(OfProject.Meta):
        ordering = ["precision"]
        constraints = [models.UniqueConstraint(fields=["project", "precision"], name="budget_once")]

    def __str__(self) -> str:
        return f"Budget for {self.precision.upper()}"

    def audit_type(self) -> str:
        return "budget"

"""What exports made."""

from __future__ import annotations

from django.db import models

from deployhub.registry.models.files import Blob
from deployhub.registry.models.projects import OfProject
from deployhub.registry.models.versions import ModelVersion
from deployhub.registry.vocab import Proof


class Artifact(OfProject):
    """What an export made: the files, how they were made, and how far they were proven."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="artifacts")
    key = models.CharField(
        max_length=64, help_text="Digest of inputs, options and toolchain: identical work is one."
    )
    format_key = models.CharField(max_length=40)
    format_label = models.CharField(max_length=60)
    precision = models.CharField(max_length=10)
    options = models.JSONField(default=dict)
    proof = models.CharField(max_length=10, choices=Proof.choices, default=Proof.EXPORTED)
    proof_reason = models.TextField(blank=True)
    file_name = models.CharField(max_length=255)
    manifest_sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    comparison = models.JSONField(default=dict)
    latency_ms = models.JSONField(default=dict)
    runtime = models.JSONField(default=dict)
    toolchain = models.JSONField(default=dict)
    inputs = models.JSONField(default=dict)
    """SHA-256 of what went in: the source, and the calibration set where there was one."""
    machine = models.JSONField(default=dict)
    durations_s = models.JSONField(default=dict)
    sandbox_tier = models.CharField(max_length=2, blank=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    approved_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    approved_at = models.DateTimeField(null=True)
    """Marked fit for deployment by a person; a later certificate that does not pass takes the mark away."""
    job = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, related_name="artifacts", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="artifact_once")]
        indexes = [
            models.Index(fields=["project", "-id"], name="artifact_project"),
            models.Index(fields=["version", "-id"], name="artifact_version"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.format_label} {self.precision.upper()}"


class ArtifactFile(OfProject):
    """One file of an artifact's manifest; folder formats have several."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="artifact_files")

    class Meta(OfProject.Meta):
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["artifact", "path"], name="artifact_path_once")]

    def __str__(self) -> str:
        return self.path

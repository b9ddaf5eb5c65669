"""What was trained: one file, immutable."""

from __future__ import annotations

from django.db import models

from deployhub.registry.models.files import Blob
from deployhub.registry.models.projects import OfProject
from deployhub.registry.models.registered import RegisteredModel
from deployhub.registry.vocab import SourceKind, Task, VersionState


class ModelVersion(OfProject):
    """One trained file of a model. Immutable: only notes and what inspection found are ever added."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="versions")
    file_name = models.CharField(max_length=255)
    source_kind = models.CharField(max_length=8, choices=SourceKind.choices)
    notes = models.TextField(blank=True, max_length=4_000)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    state = models.CharField(max_length=12, choices=VersionState.choices, default=VersionState.QUARANTINED)
    refusal = models.TextField(blank=True)
    task = models.CharField(max_length=10, choices=Task.choices, blank=True)
    architecture = models.CharField(max_length=60, blank=True)
    variant = models.CharField(max_length=4, blank=True)
    parameters = models.PositiveBigIntegerField(null=True)
    gflops = models.FloatField(null=True)
    image_size_px = models.PositiveIntegerField(null=True)
    class_names = models.JSONField(default=list)
    inspection = models.JSONField(default=dict)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="version_number_once")]
        indexes = [
            models.Index(fields=["project", "-id"], name="version_project"),
            models.Index(fields=["model", "-id"], name="version_model"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} v{self.number}"

    def audit_type(self) -> str:
        return "version"

    @property
    def architecture_label(self) -> str:
        return f"{self.architecture}{self.variant}"

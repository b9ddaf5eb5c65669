"""Labelled images."""

from __future__ import annotations

from typing import Any

from django.db import models

from deployhub.registry.models.files import Blob
from deployhub.registry.models.projects import SLUG, OfProject
from deployhub.registry.vocab import DatasetPurpose, DatasetState, Task


class Dataset(OfProject):
    """A labelled image set by name; its versions are the files."""

    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=60, validators=[SLUG])
    purpose = models.CharField(max_length=12, choices=DatasetPurpose.choices)
    description = models.TextField(blank=True, max_length=4_000)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="dataset_slug_once")]
        indexes = [models.Index(fields=["project", "-id"], name="dataset_project")]

    def __str__(self) -> str:
        return self.name

    @property
    def newest(self) -> DatasetVersion:
        """The newest version; there is always one."""
        return max(self.versions.all(), key=lambda version: version.number)


class DatasetVersion(OfProject):
    """One zip of a dataset. Immutable: only what its check found is ever added.

    Later work (calibration, evaluation) pins a version by its key and `manifest_sha256`, the digest over the content
    of its images and labels, which does not depend on how they were packed.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="dataset_versions")
    file_name = models.CharField(max_length=255)
    notes = models.TextField(blank=True, max_length=4_000)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    state = models.CharField(max_length=10, choices=DatasetState.choices, default=DatasetState.CHECKING)
    refusal = models.TextField(blank=True)
    task = models.CharField(max_length=10, choices=Task.choices, blank=True)
    image_count = models.PositiveIntegerField()
    label_count = models.PositiveIntegerField()
    class_names = models.JSONField(default=list)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    manifest = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+", null=True)
    pictures = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+", null=True)
    """The thumbnails one behind the other; `thumbnails` says where each begins."""
    report = models.JSONField(default=list)
    statistics = models.JSONField(default=dict)
    profile = models.JSONField(default=dict)
    thumbnails = models.JSONField(default=list)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_number_once")
        ]
        indexes = [models.Index(fields=["project", "-id"], name="dataset_version_project")]

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"

    def audit_type(self) -> str:
        return "dataset_version"

    def severity_counts(self) -> dict[str, int]:
        """How many kinds of findings of each severity the check had."""
        counts = {"error": 0, "warning": 0, "notice": 0}
        for finding in self.report:
            counts[finding["severity"]] += 1
        return counts

    def class_name(self, index: Any) -> str:
        """The name of a class by its number, or the number where it has none."""
        names = self.class_names
        return names[index] if isinstance(index, int) and 0 <= index < len(names) else str(index)

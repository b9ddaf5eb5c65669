"""Labelled images."""

from __future__ import annotations

from django.db import models

from deployhub.registry.models.files import Blob
from deployhub.registry.models.projects import SLUG, OfProject
from deployhub.registry.vocab import DatasetPurpose


class Dataset(OfProject):
    """A labelled image set in YOLO layout, frozen as one zip file."""

    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=60, validators=[SLUG])
    purpose = models.CharField(max_length=12, choices=DatasetPurpose.choices)
    description = models.TextField(blank=True, max_length=4_000)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="datasets")
    file_name = models.CharField(max_length=255)
    image_count = models.PositiveIntegerField()
    label_count = models.PositiveIntegerField()
    class_names = models.JSONField(default=list)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="dataset_slug_once")]
        indexes = [models.Index(fields=["project", "-id"], name="dataset_project")]

    def __str__(self) -> str:
        return self.name

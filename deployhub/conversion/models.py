"""Export: the request to make an artifact of a version."""

from __future__ import annotations

from django.db import models

from deployhub.registry.models import OfProject


class Export(OfProject):
    """Who asked for which format of which version; several requests may lead to one artifact."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="exports")
    key = models.CharField(max_length=64)
    format_key = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    artifact = models.ForeignKey(
        "registry.Artifact", on_delete=models.PROTECT, related_name="exports", null=True
    )
    job = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, related_name="exports", null=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="export_project"),
            models.Index(fields=["version", "key"], name="export_key"),
        ]

    def __str__(self) -> str:
        return f"{self.version} to {self.format_key}"

"""Models by name, the aliases that point at their versions, and who asks to move one."""

from __future__ import annotations

from django.db import models

from deployhub.access.vocab import RequestState
from deployhub.registry.models.projects import SLUG, OfProject
from deployhub.registry.vocab import Task


class RegisteredModel(OfProject):
    """A model by name; its versions are what was trained."""

    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=60, validators=[SLUG])
    description = models.TextField(blank=True, max_length=4_000)
    task = models.CharField(max_length=10, choices=Task.choices, blank=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="model_slug_once")]
        indexes = [models.Index(fields=["project", "-id"], name="model_project")]

    def __str__(self) -> str:
        return self.name

    def audit_type(self) -> str:
        return "model"


class ModelAlias(OfProject):
    """A name that points at one version, such as `champion`."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=40, validators=[SLUG])
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="aliases")

    class Meta(OfProject.Meta):
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="alias_once")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AliasRequest(OfProject):
    """Somebody asks that an alias points at a version; another person decides."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="alias_requests")
    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="alias_requests"
    )
    name = models.CharField(max_length=40, validators=[SLUG])
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.WAITING)
    decided_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta(OfProject.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "name", "version"],
                condition=models.Q(state=RequestState.WAITING),
                name="alias_request_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} → {self.version}"

    def audit_type(self) -> str:
        return "alias_request"

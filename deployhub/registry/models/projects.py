"""Projects, and what it is to belong to one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from django.db import models

from deployhub.audit.audited import AuditedModel

SLUG = RegexValidator(
    r"^[a-z0-9][a-z0-9-]{0,58}[a-z0-9]$|^[a-z0-9]$",
    "Use lower-case letters, digits and hyphens; start and end with a letter or digit.",
)


class Project(AuditedModel):
    name = models.CharField(max_length=80)
    slug = models.CharField(
        max_length=60,
        unique=True,
        validators=[SLUG],
        error_messages={"unique": "A project with this short name exists already."},
    )
    description = models.TextField(blank=True, max_length=2_000)
    archived_at = models.DateTimeField(null=True, blank=True)
    four_eyes = models.BooleanField(default=False)
    """Whether the production alias needs another person than the maker of the version."""
    members: Any = models.ManyToManyField(
        "accounts.User", through="access.Membership", related_name="projects"
    )

    class Meta(AuditedModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def policy_project_id(self) -> UUID:
        return self.pk

    def audit_project_id(self) -> UUID:
        return self.pk


class OfProject(AuditedModel):
    """A row that belongs to a project."""

    project: Any = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="%(class)ss")

    class Meta(AuditedModel.Meta):
        abstract = True

    @property
    def policy_project_id(self) -> UUID:
        return self.project_id

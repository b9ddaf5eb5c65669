"""Membership: a user's role in a project."""

from __future__ import annotations

from django.db import models

from deployhub.access.vocab import Role
from deployhub.audit.audited import AuditedModel


class Membership(AuditedModel):
    project = models.ForeignKey("registry.Project", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta(AuditedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.user} as {self.get_role_display()}"

    @property
    def policy_project_id(self) -> object:
        return self.project_id

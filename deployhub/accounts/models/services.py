"""Service accounts: what a machine acts as."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from deployhub.accounts.models.users import User
from deployhub.audit.audited import AuditedModel


class ServiceAccount(AuditedModel):
    """Why a machine has an account, and who answers for it. Its roles, events and tokens hang on its `user`."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="service")
    project = models.ForeignKey("registry.Project", on_delete=models.CASCADE, related_name="service_accounts")
    purpose = models.CharField(max_length=300)
    responsible = models.ForeignKey(User, on_delete=models.PROTECT, related_name="services_answered_for")

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def policy_project_id(self) -> UUID:
        return self.project_id

    @property
    def is_orphaned(self) -> bool:
        """Nobody who could be asked answers for it."""
        return self.user.is_active and not self.responsible.is_active

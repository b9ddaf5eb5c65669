"""A search that somebody gave a name."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db import models

from deployhub.audit.audited import AuditedModel


class SavedSearch(AuditedModel):
    """Filters of the audit log under a name. A shared one is seen by everybody who may read the log."""

    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    query = models.JSONField(default=dict)
    shared = models.BooleanField(default=False)

    class Meta(AuditedModel.Meta):
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_search_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def policy_owner_id(self) -> Any:
        return self.owner_id

    @property
    def query_string(self) -> str:
        return urlencode(self.query)

    def audit_type(self) -> str:
        return "saved_search"

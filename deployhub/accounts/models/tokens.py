"""API tokens."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from deployhub.access.vocab import TokenScope
from deployhub.accounts.models.users import User
from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now


class ApiToken(AuditedModel):
    """`dh_pat_<id>_<256-bit secret>`: the secret is shown once, its SHA-256 is stored.

    A fast hash is right here: the secret has 256 random bits, so there is nothing to guess.
    """

    AUDIT_MASKED = ("digest",)
    UNAUDITED_FIELDS = ("last_used_at", "last_used_address")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    project_ids = models.JSONField(default=list, help_text="Empty: all projects of the owner.")
    step_up_exempt = models.BooleanField(default=False)
    """An administrator let it act where a person must show a fresh second factor."""
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=64, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.label

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and self.expires_at > utc_now()

    @property
    def scope_labels(self) -> list[str]:
        return [TokenScope(scope).label for scope in self.scopes]

"""Signed-in sessions."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from deployhub.accounts.models.users import User
from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now


class SessionEnd(models.TextChoices):
    """Why a session is over."""

    SIGNED_OUT = "signed_out", "Signed out"
    REVOKED = "revoked", "Ended by its owner"
    ADMINISTRATOR = "administrator", "Ended by an administrator"
    IDLE = "idle", "Not used for too long"
    EXPIRED = "expired", "Reached its longest life"


class UserSession(AuditedModel):
    """One browser, signed in. The row decides at each request whether the session still counts.

    The key itself is nowhere in the database, here or in the session store: only digests of it are.
    """

    AUDIT_MASKED = ("key_digest", "proof_digest")
    UNAUDITED_FIELDS = ("key_digest", "proof_digest", "factor", "last_seen_at", "last_seen_address")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    key_digest = models.CharField(max_length=64, unique=True)
    proof_digest = models.CharField(max_length=64)
    """Digest of what the password and the stamp were (`User.get_session_auth_hash`): ends with either."""
    factor = models.CharField(max_length=20)
    address = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    last_seen_at = models.DateTimeField(default=utc_now)
    last_seen_address = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(null=True, db_index=True)
    end_reason = models.CharField(max_length=20, choices=SessionEnd.choices, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"session of {self.user}"

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id

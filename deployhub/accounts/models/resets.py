"""Second factors that are to be reset: one administrator asks, another confirms."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models

from deployhub.accounts.models.users import User
from deployhub.accounts.vocab import MFA_RESET_LIFE, ResetState
from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now


class MfaReset(AuditedModel):
    """Somebody lost their second factor. It waits a day for a second administrator, and lapses after that."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mfa_resets")
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=ResetState.choices, default=ResetState.WAITING)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state=ResetState.WAITING), name="mfa_reset_once"
            )
        ]

    def __str__(self) -> str:
        return f"second factor of {self.user}"

    def audit_type(self) -> str:
        return "mfa_reset"

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id

    @property
    def ends_at(self) -> datetime:
        return self.created_at + MFA_RESET_LIFE

    @property
    def is_waiting(self) -> bool:
        return self.state == ResetState.WAITING and self.ends_at > utc_now()

    @property
    def shown_state(self) -> str:
        """As people see it: one whose day is over has lapsed, whether or not anybody wrote that down yet."""
        if self.state == ResetState.WAITING and not self.is_waiting:
            return ResetState.LAPSED.value
        return self.state

    @property
    def shown_state_label(self) -> str:
        return ResetState(self.shown_state).label

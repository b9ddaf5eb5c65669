"""Invitations: a link that somebody was given, and what whoever accepts it gets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models

from deployhub.access.vocab import Role
from deployhub.accounts.models.users import User
from deployhub.accounts.vocab import InvitationState
from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now


class Invitation(AuditedModel):
    """Roles for whoever brings the link. The link's secret is shown once; its SHA-256 is stored.

    It names no account: an address that is somebody's already opens nothing of theirs.
    """

    AUDIT_MASKED = ("digest",)

    email = models.EmailField(blank=True)
    note = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="invitations")
    project: Any = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, null=True, related_name="invitations"
    )
    role = models.CharField(max_length=40, blank=True)
    role_days = models.PositiveSmallIntegerField(null=True)
    """So many days from the acceptance the role holds; empty for no end."""
    is_administrator = models.BooleanField(default=False)
    is_auditor = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=InvitationState.choices, default=InvitationState.PENDING)
    accepted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    withheld = models.CharField(max_length=300, blank=True)
    """What was not granted at its acceptance, and why."""

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(project__isnull=True, role="")
                | (models.Q(project__isnull=False) & ~models.Q(role="")),
                name="invitation_role_in_a_project",
            )
        ]

    def __str__(self) -> str:
        return f"invitation of {self.email}" if self.email else f"invitation {self.pk.hex[-6:]}"

    def audit_subject_id(self) -> UUID | None:
        return self.accepted_by_id

    @property
    def policy_project_id(self) -> UUID | None:
        return self.project_id

    @property
    def is_open(self) -> bool:
        return self.state == InvitationState.PENDING and self.expires_at > utc_now()

    @property
    def shown_state(self) -> str:
        if self.state == InvitationState.PENDING and not self.is_open:
            return "expired"
        return self.state

    @property
    def shown_state_label(self) -> str:
        return "Expired" if self.shown_state == "expired" else InvitationState(self.state).label

    @property
    def role_label(self) -> str:
        return Role(self.role).label if self.role in Role.values else self.role

    @property
    def gives(self) -> list[str]:
        """What whoever accepts it gets, in words."""
        given = [
            label
            for held, label in ((self.is_administrator, "Administrator"), (self.is_auditor, "Auditor"))
            if held
        ]
        if self.project is not None:
            end = (
                f" for {self.role_days} day{'' if self.role_days == 1 else 's'}"
                if self.role_days is not None
                else ""
            )
            given.append(f"{self.role_label} of {self.project.name}{end}")
        return given

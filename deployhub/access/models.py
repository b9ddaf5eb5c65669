"""Membership, a user's role in a project; the roles that a project made for itself; requests for access."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower

from deployhub.access.vocab import CUSTOM, PERMISSIONS, ROLE_PERMISSIONS, RequestState, Role
from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now


def not_ended(at: datetime | None = None) -> models.Q:
    """Memberships that hold now: without an end, or with one to come."""
    return models.Q(expires_at=None) | models.Q(expires_at__gt=at or utc_now())


class CustomRole(AuditedModel):
    """A role that a project's owners made: a name, and some of the permissions that hold in a project."""

    project = models.ForeignKey("registry.Project", on_delete=models.CASCADE, related_name="custom_roles")
    name = models.CharField(max_length=40)
    slug = models.CharField(max_length=40)
    description = models.CharField(max_length=300, blank=True)
    permissions = models.JSONField(default=list)

    class Meta(AuditedModel.Meta):
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="custom_role_slug_once"),
            models.UniqueConstraint("project", Lower("name"), name="custom_role_name_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def audit_type(self) -> str:
        return "custom_role"

    @property
    def policy_project_id(self) -> UUID:
        return self.project_id

    @property
    def labels(self) -> list[str]:
        return [PERMISSIONS[code].label for code in PERMISSIONS if code in self.permissions]


class Membership(AuditedModel):
    """`role` is one of the built-in roles, or CUSTOM with the project's own role beside it."""

    project = models.ForeignKey("registry.Project", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[*Role.choices, (CUSTOM, "Custom role")])
    custom_role = models.ForeignKey(
        CustomRole, on_delete=models.PROTECT, null=True, related_name="memberships"
    )
    expires_at = models.DateTimeField(null=True)

    class Meta(AuditedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role=CUSTOM, custom_role__isnull=False)
                | (~models.Q(role=CUSTOM) & models.Q(custom_role__isnull=True)),
                name="membership_one_role",
            ),
        ]
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.user} as {self.role_label}"

    @property
    def policy_project_id(self) -> object:
        return self.project_id

    @property
    def role_key(self) -> str:
        """How the role is named in forms and in the API: the built-in name, or the custom role's short name."""
        return self.custom_role.slug if self.custom_role is not None else self.role

    @property
    def role_label(self) -> str:
        return self.custom_role.name if self.custom_role is not None else self.get_role_display()

    @property
    def permissions(self) -> frozenset[str]:
        if self.custom_role is not None:
            return frozenset(self.custom_role.permissions)
        return ROLE_PERMISSIONS.get(self.role, frozenset())

    @property
    def has_ended(self) -> bool:
        return self.expires_at is not None and self.expires_at <= utc_now()

    @property
    def ends_soon(self) -> bool:
        return self.expires_at is not None and (self.expires_at - utc_now()).days < 7


class AccessRequest(AuditedModel):
    """Somebody asks for a role in a project that they name.

    `project` is empty where there is none of that short name: whoever asks is answered alike, and learns nothing.
    """

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="access_requests")
    project: Any = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, null=True, related_name="access_requests"
    )
    slug = models.CharField(max_length=60)
    role = models.CharField(max_length=40)
    reason = models.CharField(max_length=500)
    duration_days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.WAITING)
    decided_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    granted_days = models.PositiveSmallIntegerField(null=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "slug"],
                condition=models.Q(state=RequestState.WAITING),
                name="access_request_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.slug}"

    def audit_type(self) -> str:
        return "access_request"

    @property
    def policy_project_id(self) -> UUID | None:
        return self.project_id

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id

    @property
    def role_label(self) -> str:
        return Role(self.role).label if self.role in Role.values else self.role

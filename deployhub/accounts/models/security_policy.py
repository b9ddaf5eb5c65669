"""What the installation demands of everybody who signs in: one row."""

from __future__ import annotations

from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from deployhub.audit.audited import AuditedModel

ONLY_ROW = UUID(int=1)
ROLES_OF_DEMAND: tuple[tuple[str, str], ...] = (
    ("administrator", "Administrators"),
    ("auditor", "Auditors"),
    ("owner", "Owners of a project"),
    ("engineer", "Engineers"),
    ("release_manager", "Release managers"),
    ("viewer", "Viewers"),
)
"""Whom the demand for a second factor can name: the global roles, and the roles in projects."""


class SecurityPolicy(AuditedModel):
    """Who must have a second factor and from when on, how long a session lives, how fresh a step-up must be."""

    mfa_required_for_all = models.BooleanField(default=False)
    mfa_required_roles = models.JSONField(default=list)
    """Project roles (`owner` …) and global ones (`administrator`, `auditor`) whose holders must have a second factor."""
    mfa_grace_days = models.PositiveSmallIntegerField(default=7, validators=[MaxValueValidator(90)])
    """Days from the day that somebody first fell under the demand until they can do nothing but enrol."""
    step_up_minutes = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    session_idle_minutes = models.PositiveIntegerField(
        default=120, validators=[MinValueValidator(5), MaxValueValidator(1440)]
    )
    session_absolute_hours = models.PositiveSmallIntegerField(
        default=12, validators=[MinValueValidator(1), MaxValueValidator(168)]
    )

    def __str__(self) -> str:
        return "security policy"

    @classmethod
    def current(cls) -> SecurityPolicy:
        """The row, or the defaults where nobody has changed anything yet."""
        return cls.objects.filter(pk=ONLY_ROW).first() or cls(pk=ONLY_ROW)

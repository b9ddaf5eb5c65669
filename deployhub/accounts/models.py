"""User, recovery codes, API tokens."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models

from deployhub.access.vocab import TokenScope
from deployhub.audit.audited import AuditedModel, AuditedQuerySet
from deployhub.kernel.clock import utc_now


class UserManager(BaseUserManager.from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> Any:
        return self.get(username__iexact=username)


class User(AuditedModel, AbstractBaseUser):
    """A person. Project roles are Memberships; `is_administrator` and `is_auditor` are the global roles."""

    AUDIT_MASKED = ("password",)
    UNAUDITED_FIELDS = ("last_login",)

    username = models.CharField(
        max_length=60,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": "An account with this name exists already."},
    )
    name = models.CharField("full name", max_length=120, blank=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_administrator = models.BooleanField(default=False)
    is_auditor = models.BooleanField(default=False)
    must_change_password = models.BooleanField(default=False)
    demo_answered = models.BooleanField(default=False)

    objects: ClassVar[Any] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta(AuditedModel.Meta):
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def policy_owner_id(self) -> UUID:
        return self.pk

    @property
    def display_name(self) -> str:
        return self.name or self.username


class RecoveryCode(AuditedModel):
    """A one-time code that stands in for a lost second factor. Only its hash is stored."""

    AUDIT_MASKED = ("digest",)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta(AuditedModel.Meta):
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id


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

"""Single sign-on: who vouches for people, whom they vouched for, and which roles their groups give."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models

from deployhub.access.vocab import Role
from deployhub.accounts.models.users import User
from deployhub.accounts.sealing import secret_open, secret_seal
from deployhub.accounts.vocab import GlobalRole
from deployhub.audit.audited import AuditedModel

MAPPED_ROLES = [*GlobalRole.choices, *Role.choices]
_OF_A_PROJECT = models.Q(role__in=Role.values, project__isnull=False)
_OF_THE_INSTANCE = models.Q(role__in=GlobalRole.values, project__isnull=True)


def mfa_values_default() -> list[str]:
    return ["mfa"]


class IdentityProvider(AuditedModel):
    """An OpenID provider: it signs people in, and DeployHub believes what it signed."""

    AUDIT_MASKED = ("sealed_secret",)

    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=40, unique=True)
    issuer = models.CharField(max_length=300)
    client_id = models.CharField(max_length=200)
    sealed_secret = models.CharField(max_length=800, blank=True)
    scopes = models.CharField(max_length=200, default="openid profile email")
    groups_claim = models.CharField(max_length=100, default="groups", blank=True)
    is_enabled = models.BooleanField(default=True)
    provisions = models.BooleanField(default=False)
    """Whether somebody unknown gets an account at their first sign-in."""
    trusted_for_mfa = models.BooleanField(default=False)
    mfa_values = models.JSONField(default=mfa_values_default)
    """Values of `amr`, or of `acr`, that tell of a second factor."""

    class Meta(AuditedModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def audit_type(self) -> str:
        return "identity_provider"

    @property
    def has_secret(self) -> bool:
        return bool(self.sealed_secret)

    @property
    def client_secret(self) -> str:
        return secret_open(self.sealed_secret, context=self.pk.bytes) if self.sealed_secret else ""

    @client_secret.setter
    def client_secret(self, text: str) -> None:
        self.sealed_secret = secret_seal(text, context=self.pk.bytes) if text else ""


class FederatedIdentity(AuditedModel):
    """Somebody as a provider knows them. The subject alone counts: names and addresses change, and can be claimed."""

    UNAUDITED_FIELDS = ("last_used_at",)

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="identities")
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    last_used_at = models.DateTimeField(null=True)

    class Meta(AuditedModel.Meta):
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="federated_identity_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.provider}"

    def audit_type(self) -> str:
        return "identity"

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id


class GroupMapping(AuditedModel):
    """Who is in this group of the provider gets this role: of the instance, or in a project."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="mappings")
    group = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=MAPPED_ROLES)
    project: Any = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, null=True, related_name="group_mappings"
    )

    class Meta(AuditedModel.Meta):
        ordering = ["group", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=_OF_A_PROJECT | _OF_THE_INSTANCE, name="group_mapping_role_where_it_holds"
            ),
            models.UniqueConstraint(
                fields=["provider", "group", "project"],
                condition=models.Q(project__isnull=False),
                name="group_mapping_once_in_a_project",
            ),
            models.UniqueConstraint(
                fields=["provider", "group", "role"],
                condition=models.Q(project__isnull=True),
                name="group_mapping_once_on_the_instance",
            ),
        ]

    def __str__(self) -> str:
        where = f" in {self.project}" if self.project is not None else ""
        return f"{self.group} → {self.get_role_display()}{where}"

    def audit_type(self) -> str:
        return "group_mapping"


class MappedRole(AuditedModel):
    """A role that somebody has by a group of a provider: what the provider gave, and may take away again.

    A role without such a row was given by hand, and no provider touches it.
    """

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="mapped_roles")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mapped_roles")
    group = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=MAPPED_ROLES)
    project: Any = models.ForeignKey(
        "registry.Project", on_delete=models.CASCADE, null=True, related_name="mapped_roles"
    )

    class Meta(AuditedModel.Meta):
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.get_role_display()} of {self.user} by {self.group}"

    def audit_type(self) -> str:
        return "mapped_role"

"""API tokens."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from uuid import UUID

from django.db import models

from deployhub.access.vocab import CHOOSABLE_PERMISSIONS, PERMISSIONS, SCOPE_PERMISSIONS, TokenScope
from deployhub.accounts.models.users import User
from deployhub.accounts.vocab import TOKEN_EXPIRES_SOON, TOKEN_UNUSED, Revocation
from deployhub.audit.audited import AuditedModel
from deployhub.kernel.clock import utc_now

SELF_ROTATION = "token.rotate_itself"


class ApiToken(AuditedModel):
    """`dh_pat_…` of a person, `dh_svc_…` of a service account: shown once; its SHA-256 is stored.

    A fast hash is right here: the secret has 256 random bits, so there is nothing to guess.
    """

    AUDIT_MASKED = ("digest",)
    UNAUDITED_FIELDS = ("last_used_at", "last_used_address")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    permissions = models.JSONField(default=list, help_text="Single permissions, beside those of the scopes.")
    project_ids = models.JSONField(default=list, help_text="Empty: all projects of the owner.")
    step_up_exempt = models.BooleanField(default=False)
    """An administrator let it act where a person must show a fresh second factor."""
    networks = models.JSONField(default=list, help_text="Empty: accepted from everywhere.")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revocation = models.CharField(max_length=20, blank=True, choices=Revocation.choices)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=64, blank=True)

    predecessor = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="successor")
    rotated_at = models.DateTimeField(null=True)
    """When its successor was made; from then on it works for the overlap only."""
    rotates_itself = models.BooleanField(default=False)
    is_self_made = models.BooleanField(default=False)
    """Made by its predecessor and by nobody else: it falls with it."""
    chain_ends_at = models.DateTimeField(null=True)
    """No successor that a token makes of itself lives longer: a year after a person last had a hand in it."""

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
    def is_leaked(self) -> bool:
        return self.revocation == Revocation.LEAKED

    @property
    def expires_soon(self) -> bool:
        return (
            self.is_usable and self.rotated_at is None and self.expires_at <= utc_now() + TOKEN_EXPIRES_SOON
        )

    @property
    def is_unused(self) -> bool:
        """Usable, and for 90 days nobody used it."""
        return self.is_usable and (self.last_used_at or self.created_at) < utc_now() - TOKEN_UNUSED

    @property
    def carried_permissions(self) -> frozenset[str]:
        """What it may do at most. What it does is also bounded by its owner's roles and by its projects."""
        carried = frozenset(self.permissions) & CHOOSABLE_PERMISSIONS
        carried = carried.union(*(SCOPE_PERMISSIONS[s] for s in self.scopes if s in SCOPE_PERMISSIONS))
        return carried | {SELF_ROTATION} if self.rotates_itself else carried

    def accepts(self, address: str) -> bool:
        """Whether a request from this address may use it. An address that is none is in no network."""
        if not self.networks:
            return True
        try:
            known = ip_address(address)
        except ValueError:
            return False
        known = getattr(known, "ipv4_mapped", None) or known
        return any(known in ip_network(network) for network in self.networks)

    @property
    def bound_project_ids(self) -> frozenset[UUID] | None:
        """The projects that it is bound to; None for all of its owner's."""
        return frozenset(UUID(p) for p in self.project_ids) if self.project_ids else None

    @property
    def scope_labels(self) -> list[str]:
        return [TokenScope(scope).label for scope in self.scopes]

    @property
    def permission_labels(self) -> list[str]:
        return [PERMISSIONS[code].label for code in self.permissions if code in PERMISSIONS]


class TokenNetwork(models.Model):
    """A network that a token was used from (/24, or /48 of IPv6). Technical, not audited: the events themselves are."""

    id = models.BigAutoField(primary_key=True)
    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="used_from")
    network = models.CharField(max_length=50)
    first_used_at = models.DateTimeField(default=utc_now)
    last_used_at = models.DateTimeField(default=utc_now)

    class Meta:
        ordering = ["-last_used_at"]
        constraints = [models.UniqueConstraint(fields=["token", "network"], name="token_network_once")]

    def __str__(self) -> str:
        return self.network

"""Second factors and recovery codes."""

from __future__ import annotations

import time
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django_otp.models import Device, DeviceManager
from django_otp.oath import TOTP

from deployhub.accounts.models.users import User
from deployhub.accounts.sealing import seed_open, seed_seal
from deployhub.accounts.vocab import TOTP_DIGITS, TOTP_STEP_SECONDS, TOTP_TOLERANCE_STEPS
from deployhub.audit.audited import AuditedModel, AuditedQuerySet


class TotpDeviceManager(DeviceManager.from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    """django-otp's manager over an audited queryset."""


class TotpDevice(AuditedModel, Device):
    """An authenticator app (RFC 6238, SHA-1, six digits, 30 s). The seed is sealed; the database alone yields none."""

    AUDIT_MASKED = ("sealed_seed",)
    UNAUDITED_FIELDS = ("last_step", "last_used_at", "last_used_address")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="totp_devices")
    confirmed = models.BooleanField(default=False)
    sealed_seed = models.CharField(max_length=200)
    last_step = models.BigIntegerField(default=-1)
    """Time step of the newest code that was accepted: a code, and every older one, works once."""
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=64, blank=True)

    objects: ClassVar[Any] = TotpDeviceManager()

    class Meta(AuditedModel.Meta):
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id

    @property
    def persistent_id(self) -> str:
        """The id as django-otp keeps it in the session, which insists on a whole number."""
        return f"{self.model_label()}/{self.pk.int}"

    @property
    def seed(self) -> bytes:
        return seed_open(self.sealed_seed, context=self.pk.bytes)

    @seed.setter
    def seed(self, seed: bytes) -> None:
        self.sealed_seed = seed_seal(seed, context=self.pk.bytes)

    def verify_token(self, token: str) -> bool:
        """Whether the code is right now, and newer than the last one accepted. Two racers: one is told True."""
        digits = "".join(token.split())
        if not (digits.isascii() and digits.isdigit() and len(digits) == TOTP_DIGITS):
            return False
        clock = TOTP(self.seed, step=TOTP_STEP_SECONDS, digits=TOTP_DIGITS)
        clock.time = time.time()
        if not clock.verify(int(digits), tolerance=TOTP_TOLERANCE_STEPS, min_t=self.last_step + 1):
            return False
        unused = type(self).objects.filter(pk=self.pk, last_step__lt=clock.t())
        return bool(unused.unaudited_update(last_step=clock.t()))


class Passkey(AuditedModel):
    """A passkey (WebAuthn): the private key never leaves the person's device; here is the public one.

    It belongs to one host name (`site`): no other site can ask for it, so no other site can phish it.
    """

    UNAUDITED_FIELDS = ("sign_count", "last_challenge", "last_used_at", "last_used_address")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=64)
    confirmed = models.BooleanField(default=False)
    site = models.CharField(max_length=253)
    credential_id = models.CharField(max_length=1400, unique=True)
    """Base 64 (URL alphabet), as the browser tells it."""
    public_key = models.TextField()
    """COSE key, base 64 (URL alphabet)."""
    transports = models.JSONField(default=list)
    model_id = models.CharField(max_length=36, blank=True)
    """AAGUID: which model of authenticator it is, where that tells."""
    is_synced = models.BooleanField(default=False)
    """Whether its maker keeps a copy elsewhere, so that it outlives the device."""
    sign_count = models.PositiveBigIntegerField(default=0)
    last_challenge = models.CharField(max_length=128, blank=True)
    """The challenge that was answered last: of two who bring the same answer, one is let in."""
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=64, blank=True)

    class Meta(AuditedModel.Meta):
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def policy_owner_id(self) -> UUID:
        return self.user_id


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

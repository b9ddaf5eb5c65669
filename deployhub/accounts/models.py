"""User, second factors, recovery codes, API tokens."""

from __future__ import annotations

import time
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import get_random_string, salted_hmac
from django_otp.models import Device, DeviceManager
from django_otp.oath import TOTP

from deployhub.access.vocab import TokenScope
from deployhub.accounts.sealing import seed_open, seed_seal
from deployhub.accounts.vocab import TOTP_DIGITS, TOTP_STEP_SECONDS, TOTP_TOLERANCE_STEPS
from deployhub.audit.audited import AuditedModel, AuditedQuerySet
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now


def session_stamp_new() -> str:
    return get_random_string(32)


class UserManager(BaseUserManager.from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> Any:
        return self.get(username__iexact=username)


class User(AuditedModel, AbstractBaseUser):
    """A person. Project roles are Memberships; `is_administrator` and `is_auditor` are the global roles."""

    AUDIT_MASKED = ("password", "session_stamp")
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
    session_stamp = models.CharField(max_length=32, default=session_stamp_new, editable=False)
    """Every session carries a digest of it: a new stamp ends all of them at the next request."""

    objects: ClassVar[Any] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta(AuditedModel.Meta):
        ordering = ["username"]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_once_whatever_its_case",
                violation_error_message="An account with this name exists already.",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.name

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is right. A hash of older strength is replaced on the way."""

        def strengthen(raw: str) -> None:
            with system_scope("the hash was of older strength", action="account.rehash"):
                self.set_password(raw)
                self._password = None
                self.save(update_fields=["password"])

        return check_password(raw_password, self.password, strengthen)

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """What a session must match to stay alive: the password's hash and the stamp."""
        return salted_hmac(
            "deployhub.accounts.session",
            f"{self.password}{self.session_stamp}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def sessions_end(self) -> None:
        """End all sessions, once saved. The caller renews its own (update_session_auth_hash)."""
        self.session_stamp = session_stamp_new()

    @property
    def policy_owner_id(self) -> UUID:
        return self.pk

    @property
    def display_name(self) -> str:
        return self.name or self.username


class TotpDeviceManager(DeviceManager.from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    """django-otp's manager over an audited queryset."""


class TotpDevice(AuditedModel, Device):
    """An authenticator app (RFC 6238, SHA-1, six digits, 30 s). The seed is sealed; the database alone yields none."""

    AUDIT_MASKED = ("sealed_seed",)
    UNAUDITED_FIELDS = ("last_step",)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="totp_devices")
    confirmed = models.BooleanField(default=False)
    sealed_seed = models.CharField(max_length=200)
    last_step = models.BigIntegerField(default=-1)
    """Time step of the newest code that was accepted: a code, and every older one, works once."""

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


class FailedAttempts(models.Model):
    """How often somebody failed in a row (sign_in_throttle). Technical, not audited: the failures themselves are."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=utc_now, db_index=True)

    def __str__(self) -> str:
        return f"{self.count} in a row"

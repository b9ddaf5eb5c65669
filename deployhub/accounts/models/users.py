"""An account: of a person, or of a machine."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import get_random_string, salted_hmac

from deployhub.accounts.vocab import ONE_TIME_PASSWORD_LIFE, AccountKind
from deployhub.audit.audited import AuditedModel, AuditedQuerySet
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now


def session_stamp_new() -> str:
    return get_random_string(32)


class UserManager(BaseUserManager.from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> Any:
        return self.get(username__iexact=username)


class User(AuditedModel, AbstractBaseUser):
    """An account. Project roles are Memberships; `is_administrator` and `is_auditor` are the global roles.

    `kind` service: a machine's. It has no password and no factor, holds no global role, and comes in by token alone.
    """

    AUDIT_MASKED = ("password", "session_stamp")
    UNAUDITED_FIELDS = ("last_login", "mfa_demanded_at")

    username = models.CharField(
        max_length=60,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": "An account with this name exists already."},
    )
    kind = models.CharField(max_length=10, choices=AccountKind.choices, default=AccountKind.PERSON)
    name = models.CharField("full name", max_length=120, blank=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_administrator = models.BooleanField(default=False)
    is_auditor = models.BooleanField(default=False)
    must_change_password = models.BooleanField(default=False)
    one_time_since = models.DateTimeField(null=True, editable=False)
    """When the one-time password was made that they have not replaced yet."""
    mfa_demanded_at = models.DateTimeField(null=True, editable=False)
    """Since when the security policy demands a second factor of them; its days of grace count from here."""
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
            ),
            models.CheckConstraint(
                condition=models.Q(kind=AccountKind.PERSON)
                | models.Q(is_administrator=False, is_auditor=False),
                name="no_global_role_for_a_machine",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.name

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is right; a machine has none. A hash of older strength is replaced on the way."""

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

    def session_proof_digest(self) -> str:
        """What a session's row keeps of it."""
        return hashlib.sha256(self.get_session_auth_hash().encode()).hexdigest()

    def sessions_end(self) -> None:
        """End all sessions, once saved. The caller renews its own (update_session_auth_hash)."""
        self.session_stamp = session_stamp_new()

    def one_time_password_set(self, password: str) -> None:
        """Give them a password for once. The caller saves."""
        self.set_password(password)
        self.must_change_password = True
        self.one_time_since = utc_now()

    @property
    def one_time_password_is_over(self) -> bool:
        """Whether their one-time password waited too long to be used."""
        made = self.one_time_since
        return self.must_change_password and made is not None and utc_now() - made > ONE_TIME_PASSWORD_LIFE

    @property
    def is_service(self) -> bool:
        return self.kind == AccountKind.SERVICE

    @property
    def policy_owner_id(self) -> UUID:
        return self.pk

    def audit_subject_id(self) -> UUID:
        return self.pk

    @property
    def display_name(self) -> str:
        return self.name or self.username

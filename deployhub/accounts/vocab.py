"""Words and numbers of the accounts floor."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from django.db import models

TOTP_DIGITS = 6
TOTP_STEP_SECONDS = 30
TOTP_TOLERANCE_STEPS = 1
"""One step to either side: a phone's clock may be half a minute off."""
TOTP_SEED_BYTES = 20
"""RFC 4226, section 4, R6: 160 bits."""

TOTP_DEVICES_MAX = 5
PASSKEYS_MAX = 10
FACTOR_NAME_CHARACTERS_MAX = 64
CEREMONY_TIME = timedelta(minutes=5)
"""So long a passkey's challenge waits for its answer."""

RECOVERY_CODES = 10
RECOVERY_CODES_LOW = 3
"""From here on the account page says that few are left."""
RECOVERY_CODE_CHARACTERS = 16
"""Base 32, so 80 bits: nothing to guess online, and the stored digest is keyed."""

SECOND_STEP_TIME = timedelta(minutes=5)
"""So long the password step stays good while the code is looked up."""

TOKEN_LIFE_DAYS_MAX = 365
TOKEN_LIFE_DAYS_DEFAULT = 90
TOKENS_MAX = 50
"""Usable tokens of one person: nobody oversees more."""

TOKEN_NETWORKS_MAX = 20
TOKEN_NETWORKS_SEEN_MAX = 50
"""Networks remembered as used from: enough to look through, not enough to fill a disk."""
TOKEN_EXPIRES_SOON = timedelta(days=14)
TOKEN_EXPIRES_VERY_SOON = timedelta(days=3)
TOKEN_UNUSED = timedelta(days=90)
LEAK_NOTICE = timedelta(days=14)
"""So long a leaked token stands on the dashboards of its owner and of the administrators."""
OVERLAP_MINUTES_MAX = 14 * 24 * 60
OVERLAP_MINUTES_DEFAULT = 24 * 60
CHAIN_LIFE = timedelta(days=365)
"""So long a token may go on making successors of itself without a person's hand in it."""

LEAK_TEXT_CHARACTERS_MAX = 20_000
"""Of a report by anybody."""
LEAK_FILE_BYTES_MAX = 2_000_000
"""Of an administrator's check."""

ONE_TIME_PASSWORD_CHARACTERS = 20
"""Base 32, so 100 bits."""
ONE_TIME_PASSWORD_LIFE = timedelta(hours=72)
"""One that nobody used by then opens nothing any more."""

MFA_RESET_LIFE = timedelta(hours=24)
"""So long the reset of a second factor waits for a second administrator."""

INVITATION_DAYS_DEFAULT = 7
INVITATION_DAYS_MAX = 30


class AccountKind(models.TextChoices):
    PERSON = "person", "Person"
    SERVICE = "service", "Service account"


class GlobalRole(models.TextChoices):
    ADMINISTRATOR = "administrator", "Administrator"
    AUDITOR = "auditor", "Auditor"


class Revocation(models.TextChoices):
    """Why a token ended before its time."""

    OWNER = "owner", "revoked"
    ADMINISTRATOR = "administrator", "revoked by an administrator"
    LEAKED = "leaked", "leaked"
    ACCOUNT = "account", "ended with its account"


class ResetState(models.TextChoices):
    """Of the reset of a second factor."""

    WAITING = "waiting", "Waiting"
    CONFIRMED = "confirmed", "Confirmed"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    STOPPED = "stopped", "Stopped by the person"
    LAPSED = "lapsed", "Lapsed"


class InvitationState(models.TextChoices):
    """What is stored of an invitation; a pending one whose time is over shows as expired."""

    PENDING = "pending", "Pending"
    ACCEPTED = "accepted", "Accepted"
    REVOKED = "revoked", "Revoked"
    NOT_GRANTED = "not_granted", "Not granted"


class Factor(StrEnum):
    """What completed a sign-in; kept in the session."""

    PASSWORD = "password"  # noqa: S105 - the name of a factor
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    OIDC = "oidc"
    OIDC_MFA = "oidc_mfa"
    """A provider that is trusted for it told of a second factor."""


WITH_SECOND_FACTOR: frozenset[str] = frozenset(
    {Factor.TOTP, Factor.RECOVERY_CODE, Factor.PASSKEY, Factor.OIDC_MFA}
)
"""What completes a sign-in of somebody who has a second factor."""

SESSION_CEREMONIES = "passkey_ceremonies"
"""Challenges of passkeys that wait for their answer, by purpose."""
SESSION_PENDING = "pending_sign_in"
SESSION_INVITATION = "invitation"
"""Which invitation a browser brought, and the digest of its code."""
SESSION_SIGN_ON = "single_sign_on"
"""Flows to a provider that wait for its answer."""

SIGN_ON_TIME = timedelta(minutes=10)
"""So long a provider may take until it sends somebody back."""
SIGN_ON_FLOWS_MAX = 4
"""Flows that wait in one browser: one for each tab that somebody tries it in."""
IDENTITY_PROVIDERS_MAX = 10
GROUP_MAPPINGS_MAX = 500

FACTOR_WORDS = {
    "password": "password alone",
    "totp": "with authenticator app",
    "recovery_code": "with recovery code",
    "passkey": "passkey",
    "oidc": "single sign-on",
    "oidc_mfa": "single sign-on with a second factor",
}
"""How a sign-in was completed, for the list of sessions."""

"""Words and numbers of the accounts floor."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

TOTP_DIGITS = 6
TOTP_STEP_SECONDS = 30
TOTP_TOLERANCE_STEPS = 1
"""One step to either side: a phone's clock may be half a minute off."""
TOTP_SEED_BYTES = 20
"""RFC 4226, section 4, R6: 160 bits."""

TOTP_DEVICES_MAX = 5

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

ONE_TIME_PASSWORD_CHARACTERS = 20
"""Base 32, so 100 bits."""


class Factor(StrEnum):
    """What completed a sign-in; kept in the session."""

    PASSWORD = "password"  # noqa: S105 - the name of a factor
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


SESSION_PENDING = "pending_sign_in"

"""Setting up and giving up one's own second factor."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import quote, urlencode

from django.conf import settings

from deployhub.accounts.models import Passkey, RecoveryCode, TotpDevice, User
from deployhub.accounts.selectors import mfa_is_demanded, second_factor_is_on
from deployhub.accounts.services.second_factor import recovery_codes_write
from deployhub.accounts.vocab import (
    FACTOR_NAME_CHARACTERS_MAX,
    TOTP_DEVICES_MAX,
    TOTP_DIGITS,
    TOTP_SEED_BYTES,
    TOTP_STEP_SECONDS,
)
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.usecase import usecase


@usecase("mfa.enrol", on="user")
def totp_enrol(*, actor: Actor, user: User) -> TotpDevice:
    """Make a device with a new seed, of no effect until a code of it was shown. An unfinished one is replaced."""
    if user.totp_devices.filter(confirmed=True).count() >= TOTP_DEVICES_MAX:
        raise Conflict(f"You have {TOTP_DEVICES_MAX} devices already.", hint="Remove one first.")
    user.totp_devices.filter(confirmed=False).delete()
    device = TotpDevice(user=user, name="Authenticator app")
    device.seed = secrets.token_bytes(TOTP_SEED_BYTES)
    device.save(force_insert=True)
    return device


@usecase("mfa.enrol", on="device")
def totp_confirm(*, actor: Actor, device: TotpDevice, name: str, code: str) -> list[str]:
    """Put the device into effect with a first code; all sessions from before end.

    Returns new recovery codes with the first device, and nothing with a further one.
    """
    if device.confirmed:
        raise Conflict("This device is set up already.")
    if not device.verify_token(code):
        raise InvalidInput(
            "This code is not right.",
            errors={
                "code": ["This code is not right. Check that the clock of your phone is set automatically."]
            },
        )
    user = device.user
    first = not second_factor_is_on(user.pk)
    device.name, device.confirmed = name, True
    device.save(update_fields=["name", "confirmed"])
    user.sessions_end()
    user.save(update_fields=["session_stamp"])
    return recovery_codes_write(user=user) if first else []


@usecase("mfa.remove", on="device")
def factor_remove(*, actor: Actor, device: TotpDevice | Passkey) -> User:
    """Remove an app or a passkey. With the last one the recovery codes go too: they stand in for nothing then."""
    user = device.user
    device.delete()
    if device.confirmed and not second_factor_is_on(user.pk):
        if mfa_is_demanded(actor):
            raise Conflict(
                "The security policy demands a second factor of you, and this is your only one.",
                hint="Set up another one first.",
            )
        RecoveryCode.objects.filter(user=user).delete()
    user.sessions_end()
    user.save(update_fields=["session_stamp"])
    return user


@usecase("mfa.rename", on="device")
def factor_rename(*, actor: Actor, device: TotpDevice | Passkey, name: str) -> None:
    """Give an app or a passkey another name."""
    name = name.strip()
    if not 1 <= len(name) <= FACTOR_NAME_CHARACTERS_MAX:
        raise InvalidInput(f"A name has 1 to {FACTOR_NAME_CHARACTERS_MAX} characters.")
    device.name = name
    device.save(update_fields=["name"])
    touch(device)


@usecase("mfa.recovery", on="user")
def recovery_codes_renew(*, actor: Actor, user: User) -> list[str]:
    """Ten new recovery codes; the old ones stop working."""
    if not second_factor_is_on(user.pk):
        raise Conflict("There is no second factor to recover.", hint="Set up a passkey or an app first.")
    return recovery_codes_write(user=user)


def seed_text(device: TotpDevice) -> str:
    """The seed as people type it: base 32 in groups of four."""
    text = base64.b32encode(device.seed).decode()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def enrolment_address(device: TotpDevice) -> str:
    """What the QR code says (otpauth, Google Authenticator's key URI format)."""
    issuer = settings.OTP_TOTP_ISSUER
    query = {
        "secret": seed_text(device).replace(" ", ""),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": TOTP_DIGITS,
        "period": TOTP_STEP_SECONDS,
    }
    return f"otpauth://totp/{quote(issuer)}:{quote(device.user.username)}?{urlencode(query, quote_via=quote)}"

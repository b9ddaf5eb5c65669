"""Second factors: an authenticator app (TOTP) and one-time recovery codes."""

from __future__ import annotations

import base64
import secrets

from django.db import transaction

from deployhub.accounts.models import RecoveryCode, TotpDevice, User
from deployhub.accounts.sealing import code_digests
from deployhub.accounts.vocab import RECOVERY_CODE_CHARACTERS, RECOVERY_CODES
from deployhub.audit.scope import audit_scope
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now


def totp_verify(*, user: User, code: str, address: str = "") -> TotpDevice | None:
    """The confirmed device whose code this is; the code is spent by it. `address` is noted as that of its last use."""
    for device in user.totp_devices.filter(confirmed=True):
        if device.verify_token(code):
            mine = TotpDevice.objects.filter(pk=device.pk)
            mine.unaudited_update(last_used_at=utc_now(), last_used_address=address[:64])
            return device
    return None


def recovery_code_use(*, actor: Actor, user: User, code: str) -> bool:
    """Spend a recovery code. Of two who show the same code at once, one is told True."""
    digests = code_digests(recovery_code_clean(code), context=user.pk.bytes)
    with transaction.atomic(), audit_scope(actor, "mfa.recovery_use"):
        unused = RecoveryCode.objects.filter(user=user, used_at=None, digest__in=digests)
        return unused.compare_and_set(used_at=utc_now())


def recovery_code_clean(code: str) -> str:
    """The code as it is digested: people type capitals, spaces, dashes, and 0 and 1 for o and l."""
    return "".join(c for c in code.lower() if c.isalnum()).replace("0", "o").replace("1", "l")


def recovery_codes_write(*, user: User) -> list[str]:
    """Ten new codes in place of the old, inside the caller's use case. Returns them: they are shown once."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = [_code_new() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=code_digests(recovery_code_clean(code), context=user.pk.bytes)[0])
        for code in codes
    )
    return codes


def _code_new() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_CODE_CHARACTERS * 5 // 8)).decode().lower()
    return "-".join(text[i : i + 4] for i in range(0, RECOVERY_CODE_CHARACTERS, 4))

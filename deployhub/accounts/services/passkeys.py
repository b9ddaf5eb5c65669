"""Setting up passkeys."""

from __future__ import annotations

from collections.abc import Sequence

from webauthn.helpers import bytes_to_base64url
from webauthn.registration.verify_registration_response import VerifiedRegistration

from deployhub.accounts.models import Passkey, User
from deployhub.accounts.selectors import second_factor_is_on
from deployhub.accounts.services.second_factor import recovery_codes_write
from deployhub.accounts.vocab import PASSKEYS_MAX
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict
from deployhub.usecase import usecase


@usecase("mfa.enrol", on="user")
def passkey_register(
    *, actor: Actor, user: User, name: str, site: str, made: VerifiedRegistration, transports: Sequence[str]
) -> Passkey:
    """Keep a new passkey, of no effect until it was tried. One that was never tried is replaced."""
    if user.passkeys.filter(confirmed=True).count() >= PASSKEYS_MAX:
        raise Conflict(f"You have {PASSKEYS_MAX} passkeys already.", hint="Remove one first.")
    user.passkeys.filter(confirmed=False).delete()
    credential_id = bytes_to_base64url(made.credential_id)
    if Passkey.objects.filter(credential_id=credential_id).exists():
        raise Conflict("This passkey is set up already.")
    return Passkey.objects.create(
        user=user,
        name=name,
        site=site,
        credential_id=credential_id,
        public_key=bytes_to_base64url(made.credential_public_key),
        transports=list(transports),
        model_id=made.aaguid,
        is_synced=made.credential_backed_up,
        sign_count=made.sign_count,
    )


@usecase("mfa.enrol", on="passkey")
def passkey_confirm(*, actor: Actor, passkey: Passkey, shown: Passkey) -> list[str]:
    """Put a passkey into effect after it was shown once; all sessions from before end.

    `shown` comes from `assertion_verify`. Returns new recovery codes with the first second factor, else nothing.
    """
    if shown.pk != passkey.pk:
        raise Conflict("Another passkey was shown.", hint="Use the one that you just made.")
    user = passkey.user
    first = not second_factor_is_on(user.pk)
    if not Passkey.objects.filter(pk=passkey.pk, confirmed=False).compare_and_set(confirmed=True):
        raise Conflict("This passkey is set up already.")
    user.sessions_end()
    user.save(update_fields=["session_stamp"])
    return recovery_codes_write(user=user) if first else []

"""The ceremonies of passkeys (WebAuthn): a challenge goes out with a page, and its answer is verified once."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from deployhub.accounts.models import Passkey, User
from deployhub.accounts.vocab import CEREMONY_TIME, SESSION_CEREMONIES
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import InvalidInput

ANSWER_CHARACTERS_MAX = 16_384
LOOPBACK = ("127.0.0.1", "::1")


class Purpose(StrEnum):
    """What a challenge was given out for; an answer to one is none to another."""

    REGISTER = "register"
    TRY = "try"
    SIGN_IN = "sign_in"
    SECOND_STEP = "second_step"
    STEP_UP = "step_up"


@dataclass(frozen=True, slots=True)
class Site:
    """The site as a passkey knows it."""

    name: str
    origin: str
    trouble: str = ""
    """Why there can be no passkeys at this address; empty where there can."""
    elsewhere: str = ""
    """The address of the same installation at which there can."""


def site_of(request: HttpRequest) -> Site:
    """The site by the address that the person sees; ALLOWED_HOSTS has bounded it."""
    host = request.get_host()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]")
    port = host[len(host.rpartition(":")[0]) :] if host.rpartition(":")[2].isdigit() else ""
    origin = f"{request.scheme}://{host}"
    try:
        ipaddress.ip_address(name)
    except ValueError:
        if request.is_secure() or name == "localhost":
            return Site(name=name, origin=origin)
        return Site(name=name, origin=origin, trouble="Passkeys need a connection with TLS (https).")
    elsewhere = f"{request.scheme}://localhost{port}" if name in LOOPBACK else ""
    return Site(
        name=name,
        origin=origin,
        trouble=f"Passkeys belong to a host name, and this address ({name}) is a number.",
        elsewhere=elsewhere,
    )


def _challenge_keep(request: HttpRequest, purpose: Purpose, challenge: bytes) -> None:
    kept = dict(request.session.get(SESSION_CEREMONIES, {}))
    kept[purpose.value] = {"challenge": bytes_to_base64url(challenge), "at": utc_now().isoformat()}
    request.session[SESSION_CEREMONIES] = kept


def _challenge_take(request: HttpRequest, purpose: Purpose) -> bytes:
    """The challenge that waits, once. Raises InvalidInput when there is none, or it waited too long."""
    waiting = dict(request.session.get(SESSION_CEREMONIES, {}))
    kept = waiting.pop(purpose.value, None)
    request.session[SESSION_CEREMONIES] = waiting
    if kept is None or utc_now() - datetime.fromisoformat(kept["at"]) > CEREMONY_TIME:
        raise InvalidInput("The passkey's answer came too late, or twice.", hint="Try again.")
    return base64url_to_bytes(kept["challenge"])


def _descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    known = {transport.value for transport in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(t) for t in passkey.transports if t in known],
        )
        for passkey in passkeys
    ]


def registration_begin(request: HttpRequest, *, user: User) -> str:
    """The options for making a passkey, as JSON for the browser."""
    site = site_of(request)
    options = generate_registration_options(
        rp_id=site.name,
        rp_name=settings.DEPLOYHUB_INSTANCE_NAME,
        user_id=user.pk.bytes,
        user_name=user.username,
        user_display_name=user.display_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(user.passkeys.filter(site=site.name, confirmed=True)),
    )
    _challenge_keep(request, Purpose.REGISTER, options.challenge)
    return options_to_json(options)


def registration_verify(request: HttpRequest, *, answer: str) -> tuple[VerifiedRegistration, list[str]]:
    """What the browser made, verified, and by which ways it can be asked again. Raises InvalidInput."""
    challenge, site = _challenge_take(request, Purpose.REGISTER), site_of(request)
    try:
        made = verify_registration_response(
            credential=_answer(answer),
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise InvalidInput("The passkey could not be verified.", hint="Try again.") from error
    ways = json.loads(answer).get("response", {}).get("transports", [])
    return made, [way for way in ways if isinstance(way, str)][:8] if isinstance(ways, list) else []


def assertion_begin(request: HttpRequest, *, purpose: Purpose, passkeys: Iterable[Passkey] | None) -> str:
    """The options for showing a passkey, as JSON for the browser. Without `passkeys`, any that the person chooses."""
    site = site_of(request)
    options = generate_authentication_options(
        rp_id=site.name,
        allow_credentials=None if passkeys is None else _descriptors(passkeys),
        user_verification=UserVerificationRequirement.REQUIRED
        if purpose is Purpose.SIGN_IN
        else UserVerificationRequirement.PREFERRED,
    )
    _challenge_keep(request, purpose, options.challenge)
    return options_to_json(options)


def _answer(text: str) -> dict[str, object]:
    if len(text) > ANSWER_CHARACTERS_MAX:
        raise ValueError("the answer is too long")
    answer = json.loads(text)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    return answer


def assertion_verify(
    request: HttpRequest, *, actor: Actor, purpose: Purpose, answer: str, user: User | None
) -> Passkey | None:
    """The passkey that was shown, and is spent for this challenge; None when it is not right.

    `user` None: whoever it belongs to, who then must have shown the device a PIN, a finger or a face.
    """
    try:
        challenge = _challenge_take(request, purpose)
        shown = _answer(answer)
    except (InvalidInput, ValueError):
        return None
    passkey = Passkey.objects.select_related("user").filter(credential_id=str(shown.get("id", ""))).first()
    wanted_state = purpose is not Purpose.TRY
    if passkey is None or passkey.confirmed is not wanted_state or not passkey.user.is_active:
        return None
    if user is not None and passkey.user_id != user.pk:
        return None
    site = site_of(request)
    try:
        verified = verify_authentication_response(
            credential=shown,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=0,  # judged below, where it can be told apart from a wrong signature
            require_user_verification=user is None,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    counted = verified.new_sign_count
    if (counted or passkey.sign_count) and counted <= passkey.sign_count:
        event_record(
            actor,
            "mfa.passkey_cloned",
            passkey,
            operation=Operation.EVENT,
            outcome=Outcome.DENIED,
            reason="its counter went backwards: there may be a copy of this passkey",
            facts={"sign_count": [passkey.sign_count, counted]},
        )
        return None
    spent = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count).exclude(
        last_challenge=bytes_to_base64url(challenge)
    )
    if not spent.unaudited_update(
        sign_count=counted,
        last_challenge=bytes_to_base64url(challenge),
        last_used_at=utc_now(),
        last_used_address=actor.address[:64],
    ):
        return None
    return passkey

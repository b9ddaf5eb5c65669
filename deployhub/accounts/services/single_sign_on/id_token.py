"""The identity token: believed only if the provider signed it, for us, just now, and for this very browser."""

from __future__ import annotations

from typing import Any

import jwt
from django.utils.crypto import constant_time_compare

from deployhub.accounts.models import IdentityProvider
from deployhub.accounts.services.single_sign_on.discovery import ALGORITHMS, ProviderFacts, signing_key
from deployhub.accounts.services.single_sign_on.fetching import SignOnFailed
from deployhub.kernel.clock import utc_now

LEEWAY_SECONDS = 60
"""Clocks of two machines differ."""
AGE_SECONDS_MAX = 600
"""The token comes straight from the provider: an old one was kept by somebody."""
SUBJECT_CHARACTERS_MAX = 255


def _refused(reason: str) -> SignOnFailed:
    return SignOnFailed(
        "What the identity provider sent is not to be trusted.",
        hint="Start again. If it happens again, ask an administrator: the audit log says why.",
        reason=f"identity token: {reason}",
    )


def id_token_check(
    text: Any, *, provider: IdentityProvider, facts: ProviderFacts, nonce: str
) -> dict[str, Any]:
    """The claims of a token that stands every check. Raises SignOnFailed."""
    if not isinstance(text, str):
        raise _refused("there is none")
    try:
        head = jwt.get_unverified_header(text)
    except jwt.PyJWTError as error:
        raise _refused("it cannot be read") from error
    algorithm, kid = head.get("alg"), head.get("kid")
    if algorithm not in ALGORITHMS:
        raise _refused("its algorithm is not accepted")
    if "crit" in head or not (kid is None or isinstance(kid, str)):
        raise _refused("its header is not understood")
    key = signing_key(facts, kid=kid, algorithm=algorithm)
    try:
        claims: dict[str, Any] = jwt.decode(
            text,
            key,
            algorithms=[algorithm],
            audience=provider.client_id,
            issuer=facts.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise _refused(type(error).__name__) from error
    _claims_check(claims, provider=provider, nonce=nonce)
    return claims


def _claims_check(claims: dict[str, Any], *, provider: IdentityProvider, nonce: str) -> None:
    """What OpenID Connect demands beside what every JSON web token has (Core 1.0, section 3.1.3.7)."""
    told = claims["nonce"]
    if not isinstance(told, str) or not constant_time_compare(told, nonce):
        raise _refused("it answers another browser's question (nonce)")
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise _refused("it was made for another client (azp)")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_CHARACTERS_MAX:
        raise _refused("its subject is not usable")
    if utc_now().timestamp() - float(claims["iat"]) > AGE_SECONDS_MAX:
        raise _refused("it is old")
    at = claims.get("auth_time")
    if at is not None and (not isinstance(at, int | float) or not 0 <= at < 1e11):
        raise _refused("its auth_time is no time")

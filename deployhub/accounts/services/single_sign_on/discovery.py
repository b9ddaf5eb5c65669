"""What a provider publishes about itself: its addresses and its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from django.core.cache import cache

from deployhub.accounts.models import IdentityProvider
from deployhub.accounts.services.single_sign_on.fetching import (
    ProviderUnavailable,
    SignOnFailed,
    address_is_safe,
    object_fetch,
)
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Public-key signatures only: no `none`, and no HS*, with which anybody could sign who knows the public key."""
RSA_BITS_MIN = 2048
KEPT_SECONDS = 600
DOWN_SECONDS = 5
"""So long nobody is asked again who did not answer: whoever reloads the sign-in page must not make us knock."""


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    sends_issuer: bool
    """Whether its answers to the browser name it (RFC 9207), so that one provider cannot pass for another."""
    secret_in_form: bool
    """Whether the client's secret goes into the body, because the header is not offered."""
    supports_pkce: bool


def discovery_address(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def provider_facts(provider: IdentityProvider, *, fresh: bool = False) -> ProviderFacts:
    """The provider's discovery document, at most ten minutes old. Raises ProviderUnavailable."""
    key = f"identity-provider:{provider.pk}:{provider.issuer}"
    told = None if fresh else cache.get(key)
    if told is None:
        if not fresh and cache.get(f"{key}:down"):
            raise ProviderUnavailable("it did not answer just now")
        try:
            told = object_fetch(discovery_address(provider.issuer))
        except ProviderUnavailable:
            cache.set(f"{key}:down", True, DOWN_SECONDS)
            raise
        facts = _facts_read(provider, told)
        cache.set(key, told, KEPT_SECONDS)
        return facts
    return _facts_read(provider, told)


def _facts_read(provider: IdentityProvider, told: dict[str, Any]) -> ProviderFacts:
    if told.get("issuer") != provider.issuer:
        raise ProviderUnavailable("the discovery document names another issuer")
    addresses = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        address = told.get(name) or ""
        if (name == "userinfo_endpoint" and not address) or (
            isinstance(address, str) and address_is_safe(address)
        ):
            addresses[name] = address
        else:
            raise ProviderUnavailable(f"{name} is missing, or not https")
    methods = _words(told.get("token_endpoint_auth_methods_supported")) or ["client_secret_basic"]
    return ProviderFacts(
        issuer=provider.issuer,
        sends_issuer=told.get("authorization_response_iss_parameter_supported") is True,
        secret_in_form="client_secret_basic" not in methods and "client_secret_post" in methods,
        supports_pkce="S256" in _words(told.get("code_challenge_methods_supported")),
        **addresses,
    )


def _words(told: Any) -> list[str]:
    return [word for word in told if isinstance(word, str)] if isinstance(told, list) else []


def _keys_fetch(facts: ProviderFacts, *, fresh: bool) -> list[dict[str, Any]]:
    key = f"identity-provider-keys:{facts.jwks_uri}"
    told = None if fresh else cache.get(key)
    if told is None:
        found = object_fetch(facts.jwks_uri).get("keys")
        if not isinstance(found, list):
            raise ProviderUnavailable("the key set holds no list of keys")
        told = [jwk for jwk in found if isinstance(jwk, dict)]
        cache.set(key, told, KEPT_SECONDS)
    return told


def _may_sign(jwk: dict[str, Any]) -> bool:
    return jwk.get("kty") in ("RSA", "EC", "OKP") and jwk.get("use", "sig") == "sig"


def signing_key(facts: ProviderFacts, *, kid: str | None, algorithm: str) -> Any:
    """The public key with this id. An unknown id asks the provider once more: it may have a new key.

    A token without an id is taken only where there is one key that it can mean. Raises SignOnFailed.
    """
    for fresh in (False, True):
        keys = [
            jwk
            for jwk in _keys_fetch(facts, fresh=fresh)
            if _may_sign(jwk) and jwk.get("alg", algorithm) == algorithm and kid in (None, jwk.get("kid"))
        ]
        if len(keys) != 1:
            continue
        try:
            key = jwt.PyJWK(keys[0], algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _untrusted("the key does not fit the algorithm") from error
        if keys[0]["kty"] == "RSA" and getattr(key, "key_size", 0) < RSA_BITS_MIN:
            raise _untrusted("the key is too short")
        return key
    raise _untrusted("no such key")


def _untrusted(reason: str) -> SignOnFailed:
    return SignOnFailed(
        "What the identity provider sent is not to be trusted.", reason=f"identity token: {reason}"
    )


@dataclass(frozen=True, slots=True)
class ProviderFindings:
    """What a test of the connection found."""

    works: bool
    problem: str
    host: str
    keys: int
    supports_pkce: bool
    sends_issuer: bool


def identity_provider_test(*, actor: Actor, provider: IdentityProvider) -> ProviderFindings:
    """Ask the provider for its discovery document and its keys, past what is remembered, and tell what came."""
    try:
        facts = provider_facts(provider, fresh=True)
        keys = sum(map(_may_sign, _keys_fetch(facts, fresh=True)))
        found = ProviderFindings(
            works=keys > 0,
            problem="" if keys else "It publishes no key that could sign.",
            host=urlsplit(facts.authorization_endpoint).netloc,
            keys=keys,
            supports_pkce=facts.supports_pkce,
            sends_issuer=facts.sends_issuer,
        )
    except ProviderUnavailable as error:
        found = ProviderFindings(False, f"{error.reason[:1].upper()}{error.reason[1:]}.", "", 0, False, False)
    event_record(
        actor,
        "identity_provider.test",
        provider,
        operation=Operation.EVENT,
        outcome=Outcome.SUCCESS if found.works else Outcome.FAILED,
        reason=found.problem,
    )
    return found

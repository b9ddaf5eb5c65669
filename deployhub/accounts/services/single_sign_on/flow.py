"""The way to the provider and back: bound to one browser, one provider and one purpose, and gone once it was used."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from deployhub.accounts.models import IdentityProvider
from deployhub.accounts.sealing import SealBrokenError
from deployhub.accounts.services.single_sign_on.discovery import ProviderFacts, provider_facts
from deployhub.accounts.services.single_sign_on.fetching import (
    ProviderUnavailable,
    SignOnFailed,
    answer_fetch,
    object_fetch,
)
from deployhub.accounts.services.single_sign_on.id_token import id_token_check
from deployhub.accounts.vocab import SESSION_SIGN_ON, SIGN_ON_FLOWS_MAX, SIGN_ON_TIME
from deployhub.kernel.clock import utc_now

ANSWER_CHARACTERS_MAX = 4096


class SignOnPurpose(StrEnum):
    SIGN_IN = "sign_in"
    LINK = "link"
    STEP_UP = "step_up"


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to the provider that waits for its answer."""

    purpose: SignOnPurpose
    nonce: str
    verifier: str
    next_address: str
    user_id: str
    began_at: float


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for, and how it knows."""

    subject: str
    claims: dict[str, Any]
    groups: frozenset[str]
    signed_in_at: float
    """When they last showed the provider who they are; 0 where it does not say."""
    with_second_factor: bool


def redirect_address(provider: IdentityProvider) -> str:
    """Where the provider sends people back to: one for each provider, so that none can answer for another."""
    return settings.DEPLOYHUB_ORIGIN + reverse("accounts:sign-on-callback", args=[provider.slug])


def flow_begin(
    request: HttpRequest,
    *,
    provider: IdentityProvider,
    purpose: SignOnPurpose,
    next_address: str,
    user_id: str = "",
) -> str:
    """Remember a new flow in the session. Returns the provider's address to go to. Raises ProviderUnavailable."""
    facts = provider_facts(provider)
    state, nonce, verifier = (secrets.token_urlsafe(size) for size in (32, 32, 48))
    now = utc_now().timestamp()
    waiting = [flow for flow in request.session.get(SESSION_SIGN_ON, []) if _waits(flow, now)]
    waiting.append(
        {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "provider": str(provider.pk),
            "purpose": purpose.value,
            "next": next_address,
            "user": user_id,
            "at": now,
        }
    )
    request.session[SESSION_SIGN_ON] = waiting[-SIGN_ON_FLOWS_MAX:]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    scopes = provider.scopes.split()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_address(provider),
        "scope": " ".join(scopes if "openid" in scopes else ["openid", *scopes]),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if purpose is not SignOnPurpose.SIGN_IN:
        asked |= {"prompt": "login", "max_age": "0"}
    joint = "&" if "?" in facts.authorization_endpoint else "?"
    return f"{facts.authorization_endpoint}{joint}{urlencode(asked)}"


def _waits(flow: Mapping[str, Any], now: float) -> bool:
    return 0 <= now - flow["at"] <= SIGN_ON_TIME.total_seconds()


def flow_take(request: HttpRequest, *, provider: IdentityProvider, state: str) -> Flow:
    """The flow that this answer belongs to; it is handed out once. Raises SignOnFailed."""
    waiting = request.session.get(SESSION_SIGN_ON, [])
    found = next((flow for flow in waiting if constant_time_compare(flow["state"], state)), None)
    if found is not None:
        request.session[SESSION_SIGN_ON] = [flow for flow in waiting if flow is not found]
    if found is None or found["provider"] != str(provider.pk) or not _waits(found, utc_now().timestamp()):
        raise SignOnFailed(
            "This answer of the identity provider belongs to no sign-in of this browser.",
            hint="It was used already, is too old, or was begun elsewhere. Start again from the sign-in page.",
            reason="unknown, used or late state",
        )
    return Flow(
        purpose=SignOnPurpose(found["purpose"]),
        nonce=found["nonce"],
        verifier=found["verifier"],
        next_address=found["next"],
        user_id=found["user"],
        began_at=found["at"],
    )


def answer_check(facts: ProviderFacts, answer: Mapping[str, str]) -> str:
    """The code in the answer that the browser brought. Raises SignOnFailed."""
    told = answer.get("iss")
    if told != facts.issuer and (facts.sends_issuer or told is not None):
        raise SignOnFailed(
            "This answer comes from another identity provider.",
            reason="the answer names another issuer, or none",
        )
    if "error" in answer:
        word = answer["error"][:40]
        said = word if word.replace("_", "").isalnum() and word.isascii() else "unreadable"
        raise SignOnFailed(
            "The identity provider did not sign you in.",
            hint="You may have cancelled it, or it does not let you use DeployHub. Try again, or ask an administrator.",
            reason=f"the provider answered: {said}",
        )
    code = answer.get("code", "")
    if not 1 <= len(code) <= ANSWER_CHARACTERS_MAX:
        raise SignOnFailed("The answer of the identity provider is not complete.", reason="no code")
    return code


def code_exchange(provider: IdentityProvider, facts: ProviderFacts, flow: Flow, code: str) -> Vouched:
    """Trade the code for an identity token, and check it. Raises SignOnFailed and ProviderUnavailable."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_address(provider),
        "code_verifier": flow.verifier,
    }
    secret, credentials = _secret_of(provider), None
    if secret and not facts.secret_in_form:
        credentials = (quote_plus(provider.client_id), quote_plus(secret))  # RFC 6749, section 2.3.1
    else:
        form["client_id"] = provider.client_id
        if secret:
            form["client_secret"] = secret
    status, told = answer_fetch(facts.token_endpoint, form=form, credentials=credentials)
    if status != 200 or not isinstance(told, dict):
        if status >= 500:
            raise ProviderUnavailable(f"the token endpoint answered {status}")
        raise SignOnFailed(
            "The identity provider did not accept its own code.",
            hint="Start again. If it happens again, an administrator should check the client's id and secret.",
            reason=f"the token endpoint answered {status}",
        )
    signed = claims = id_token_check(told.get("id_token"), provider=provider, facts=facts, nonce=flow.nonce)
    access = told.get("access_token")
    if facts.userinfo_endpoint and isinstance(access, str) and _more_is_wanted(provider, claims):
        more = object_fetch(facts.userinfo_endpoint, bearer=access)
        if more.get("sub") != claims["sub"]:
            raise SignOnFailed(
                "What the identity provider sent is not to be trusted.",
                reason="userinfo is about somebody else",
            )
        claims = {**more, **claims}
    return Vouched(
        subject=claims["sub"],
        claims=claims,
        groups=_groups(provider, claims),
        signed_in_at=float(signed.get("auth_time") or 0),
        with_second_factor=provider.trusted_for_mfa and bool(_ways(signed) & set(provider.mfa_values)),
    )


def _secret_of(provider: IdentityProvider) -> str:
    try:
        return provider.client_secret
    except SealBrokenError as error:
        raise ProviderUnavailable("the client's secret cannot be opened: set it again") from error


def _more_is_wanted(provider: IdentityProvider, claims: Mapping[str, Any]) -> bool:
    wanted = ["name", "preferred_username"] + [provider.groups_claim] * bool(provider.groups_claim)
    return any(name not in claims for name in wanted)


def _ways(claims: Mapping[str, Any]) -> set[str]:
    """How the provider says that it knows the person: `amr` and `acr`."""
    told = claims.get("amr")
    ways = {way for way in told if isinstance(way, str)} if isinstance(told, list) else set()
    return ways | ({claims["acr"]} if isinstance(claims.get("acr"), str) else set())


def _groups(provider: IdentityProvider, claims: Mapping[str, Any]) -> frozenset[str]:
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, dict) and provider.groups_claim in elsewhere:
        raise SignOnFailed(
            "The identity provider did not send your groups, because there are too many.",
            hint="Ask an administrator to send only the groups that DeployHub needs.",
            reason="groups left out by the provider",
        )
    told = claims.get(provider.groups_claim) if provider.groups_claim else None
    if isinstance(told, str):
        return frozenset({told})
    return (
        frozenset(group for group in told if isinstance(group, str))
        if isinstance(told, list)
        else frozenset()
    )

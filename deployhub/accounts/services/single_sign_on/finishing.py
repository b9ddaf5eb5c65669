"""What happens when the provider sends somebody back: a sign-in, a link, or a step-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from django.http import HttpRequest

from deployhub.accounts.models import IdentityProvider, User
from deployhub.accounts.selectors import account_get, second_factor_is_on
from deployhub.accounts.selectors.federation import provider_offered
from deployhub.accounts.services.attempts import address_attempt_begin, address_key, attempt_give_back
from deployhub.accounts.services.sign_in import first_step_done, sign_in_refuse
from deployhub.accounts.services.single_sign_on.accounts import (
    identity_find,
    identity_link,
    identity_provision,
    identity_seen,
)
from deployhub.accounts.services.single_sign_on.discovery import provider_facts
from deployhub.accounts.services.single_sign_on.fetching import ProviderUnavailable, SignOnFailed
from deployhub.accounts.services.single_sign_on.flow import (
    Flow,
    SignOnPurpose,
    Vouched,
    answer_check,
    code_exchange,
    flow_take,
)
from deployhub.accounts.services.single_sign_on.mapping import mapped_roles_set
from deployhub.accounts.services.step_up import step_up_begin, step_up_end, step_up_refuse
from deployhub.accounts.vocab import Factor
from deployhub.kernel.actor import Actor, ActorKind
from deployhub.kernel.clock import utc_now

FRESH_SECONDS = 60
"""A re-authentication must be newer than the flow that asked for it, but for clocks that differ."""


def sign_on_finish(
    request: HttpRequest, *, actor: Actor, provider: IdentityProvider, answer: Mapping[str, str]
) -> tuple[SignOnPurpose, str, bool]:
    """Take the provider's answer. Returns the purpose, where to go on, and whether a second step is still to come.

    Raises SignOnFailed, ProviderUnavailable and RateLimited; each failure stands in the audit log as a failed sign-in.
    """
    address_attempt_begin(actor.address)
    try:
        flow = flow_take(request, provider=provider, state=answer.get("state", ""))
        facts = provider_facts(provider)
        code = answer_check(facts, answer)
        vouched = code_exchange(provider, facts, flow, code)
        if flow.purpose is SignOnPurpose.SIGN_IN:
            done = _sign_in(request, actor=actor, provider=provider, flow=flow, vouched=vouched)
        else:
            user = _same_person(actor, flow)
            _fresh_demand(flow, vouched)
            if flow.purpose is SignOnPurpose.LINK:
                identity_link(actor=actor, user=user, provider=provider, vouched=vouched)
            else:
                _step_up(request, actor=actor, user=user, provider=provider, vouched=vouched)
            done = True
    except (SignOnFailed, ProviderUnavailable) as error:
        sign_in_refuse(actor, username="", user=None, reason=f"{provider.name}: {error.reason}")
        raise
    attempt_give_back(address_key(actor.address))
    return flow.purpose, flow.next_address, done


def _provider_actor(actor: Actor, provider: IdentityProvider) -> Actor:
    """Who gives accounts and roles at a sign-in: the provider, through the browser that is signing in."""
    return replace(
        actor.unmasked(), kind=ActorKind.SYSTEM, name=f"Identity provider {provider.name}", cache={}
    )


def _sign_in(
    request: HttpRequest, *, actor: Actor, provider: IdentityProvider, flow: Flow, vouched: Vouched
) -> bool:
    by_provider = _provider_actor(actor, provider)
    identity = identity_find(provider, vouched)
    if identity is None:
        if not provider.provisions:
            raise SignOnFailed(
                f"Nobody here is linked to who you are at {provider.name}.",
                hint="If you have an account, sign in with its password and link it on your account page. "
                "If you have none, ask an administrator.",
                reason="unknown subject",
            )
        identity = identity_provision(actor=by_provider, provider=provider, vouched=vouched)
    user = identity.user
    if not user.is_active or user.is_service:
        sign_in_refuse(actor, username=user.username, user=user, reason=f"{provider.name}: not active")
        raise SignOnFailed(
            "This account cannot sign in.", hint="Ask an administrator.", reason="the account is not active"
        )
    identity_seen(identity)
    mapped_roles_set(actor=by_provider, provider=provider, user=user, groups=vouched.groups)
    factor = Factor.OIDC_MFA if vouched.with_second_factor else Factor.OIDC
    return first_step_done(
        request,
        user=User.objects.get(pk=user.pk),
        factor=factor,
        next_address=flow.next_address,
        shown_at=min(vouched.signed_in_at, utc_now().timestamp()),
    )


def _same_person(actor: Actor, flow: Flow) -> User:
    if actor.user_id is None or str(actor.user_id) != flow.user_id:
        raise SignOnFailed("You are not signed in as the one who began this.", reason="another person's flow")
    return account_get(actor)


def _fresh_demand(flow: Flow, vouched: Vouched) -> None:
    if vouched.signed_in_at < flow.began_at - FRESH_SECONDS:
        raise SignOnFailed(
            "The identity provider did not ask you again who you are.",
            hint="Sign out there, then try again. If it happens again, the provider does not support this.",
            reason="auth_time is missing or old",
        )


def _step_up(
    request: HttpRequest, *, actor: Actor, user: User, provider: IdentityProvider, vouched: Vouched
) -> None:
    """Who has nothing stronger of their own shows the provider again who they are."""
    factor = Factor.OIDC_MFA if vouched.with_second_factor else Factor.OIDC
    key = step_up_begin(actor=actor, user=user, factor=factor)
    identity = identity_find(provider, vouched)
    weaker = actor.auth_method == Factor.OIDC_MFA and factor is not Factor.OIDC_MFA
    if identity is None or identity.user_id != user.pk or weaker or second_factor_is_on(user.pk):
        step_up_refuse(actor=actor, user=user, factor=factor, reason="another person, or too weak")
        raise SignOnFailed(
            "The identity provider did not confirm that it is you.",
            hint="Sign in there as yourself, with your second factor.",
            reason="another person, or too weak",
        )
    step_up_end(request, actor=actor, user=user, factor=factor, key=key)


def sign_on_provider(slug: str) -> IdentityProvider:
    """The provider of this name, if it signs people in now. Raises NotFound."""
    return provider_offered(slug)

"""Identities of people: linked by themselves, unlinked by themselves, and accounts for those who are new."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from deployhub.accounts.models import FederatedIdentity, IdentityProvider, Passkey, User
from deployhub.accounts.services.single_sign_on.flow import Vouched
from deployhub.audit.scope import audit_scope
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict
from deployhub.usecase import usecase

NAME_TRIES = 1000


@usecase("identity.link", on="user")
def identity_link(
    *, actor: Actor, user: User, provider: IdentityProvider, vouched: Vouched
) -> FederatedIdentity:
    """Let whom the provider vouches for sign in to this account. Raises Conflict when that is somebody's already."""
    try:
        with transaction.atomic():
            return FederatedIdentity.objects.create(provider=provider, subject=vouched.subject, user=user)
    except IntegrityError as error:
        raise Conflict(
            f"This identity at {provider.name} is linked already.",
            hint="An identity opens one account. Unlink it there first, or sign in with another at the provider.",
            code="identity_taken",
        ) from error


@usecase("identity.unlink", on="identity")
def identity_unlink(*, actor: Actor, identity: FederatedIdentity) -> None:
    """Take the way in by this provider away; never the last one. Raises Conflict."""
    user = identity.user
    others = FederatedIdentity.objects.filter(user=user, provider__is_enabled=True).exclude(pk=identity.pk)
    has_passkey = Passkey.objects.filter(user=user, confirmed=True).exists()
    if not (user.has_usable_password() or has_passkey or others.exists()):
        raise Conflict(
            "This is your only way to sign in.",
            hint="Set up a passkey first, or ask an administrator for a password.",
            code="last_way_in",
        )
    identity.delete()


def identity_find(provider: IdentityProvider, vouched: Vouched) -> FederatedIdentity | None:
    """Who that is here: by the subject alone. A name or a mail address that is somebody's opens nothing."""
    known = FederatedIdentity.objects.filter(provider=provider, subject=vouched.subject)
    return known.select_related("user").first()


def identity_seen(identity: FederatedIdentity) -> None:
    FederatedIdentity.objects.filter(pk=identity.pk).unaudited_update(last_used_at=utc_now())


def identity_provision(*, actor: Actor, provider: IdentityProvider, vouched: Vouched) -> FederatedIdentity:
    """An account for somebody new, without a password and without a role."""
    claims = vouched.claims
    with (
        transaction.atomic(),
        audit_scope(actor, "identity.provision", reason=f"first sign-in by provider {provider.name}"),
    ):
        user = User(name=_text(claims.get("name"))[:120], email=_mail(claims), demo_answered=True)
        user.set_unusable_password()
        _name_and_save(user, _name_wanted(claims))
        return FederatedIdentity.objects.create(provider=provider, subject=vouched.subject, user=user)


def _text(told: Any) -> str:
    return " ".join(told.split()) if isinstance(told, str) and told.isprintable() else ""


def _mail(claims: dict[str, Any]) -> str:
    """The mail address, where the provider says that it has verified it."""
    address = _text(claims.get("email"))
    if claims.get("email_verified") is not True or len(address) > 254:
        return ""
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address


def _name_wanted(claims: dict[str, Any]) -> str:
    for told in (claims.get("preferred_username"), claims.get("email"), claims.get("name")):
        name = re.sub(r"[^A-Za-z0-9@.+_-]+", "-", _text(told).partition("@")[0]).strip("-.")[:50]
        if name:
            return name
    return "person"


def _name_and_save(user: User, wanted: str) -> None:
    """The wanted name, or with a number behind it: a name that is somebody's stays theirs."""
    for number in range(1, NAME_TRIES):
        user.username = wanted if number == 1 else f"{wanted}-{number}"
        if User.objects.filter(username__iexact=user.username).exists():
            continue
        try:
            with transaction.atomic():
                user.save(force_insert=True)
            return
        except IntegrityError:  # somebody else took it meanwhile
            continue
    raise Conflict("No free name was found for the new account.", hint="Ask an administrator for an account.")

"""Service accounts: made for a project, answered for by a person, and let in by token alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.vocab import Role
from deployhub.accounts.models import ApiToken, ServiceAccount, User
from deployhub.accounts.services.token_ends import successor_write, token_end, tokens_end
from deployhub.accounts.services.token_rights import life_check, rights_check, room_demand, token_write
from deployhub.accounts.vocab import CHAIN_LIFE, OVERLAP_MINUTES_DEFAULT, AccountKind, Revocation
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.usecase import usecase

MACHINE_ROLES = (Role.VIEWER, Role.ENGINEER, Role.RELEASE_MANAGER)
"""No machine owns a project: an owner decides over people, and makes tokens."""

TAKEN = "An account with this name exists already."


@usecase("service.create", on="project")
def service_create(
    *,
    actor: Actor,
    project: Any,
    username: str,
    name: str = "",
    purpose: str,
    role: str,
    responsible: str = "",
) -> ServiceAccount:
    """Create a service account with a role in its project. Whoever creates it answers for it, unless told otherwise."""
    if role not in MACHINE_ROLES:
        raise InvalidInput(
            "A service account cannot have this role.", errors={"role": ["Choose a role from the list."]}
        )
    user = User(username=User.normalize_username(username), name=name, kind=AccountKind.SERVICE)
    user.set_unusable_password()
    user.clean_fields()
    answers = _responsible_find(actor, responsible)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput(TAKEN, errors={"username": [TAKEN]}) from error
    Membership.objects.create(project=project, user=user, role=role)
    return ServiceAccount.objects.create(user=user, project=project, purpose=purpose, responsible=answers)


@usecase("service.update", on="service")
def service_update(
    *, actor: Actor, service: ServiceAccount, purpose: str | None = None, responsible: str | None = None
) -> ServiceAccount:
    """Describe what it is for, or hand over who answers for it."""
    if purpose is not None:
        service.purpose = purpose
    if responsible is not None and responsible != service.responsible.username:
        service.responsible = _responsible_find(actor, responsible)
    service.save(update_fields=["purpose", "responsible"])
    touch(service)
    return service


@usecase("service.deactivate", on="service")
def service_deactivate(*, actor: Actor, service: ServiceAccount) -> ServiceAccount:
    """Close it: its tokens are refused from their next request on, and stay ended."""
    if not service.user.is_active:
        raise Conflict("This service account is not active.")
    tokens_end(service.user)
    _active_set(service, False)
    return service


@usecase("service.activate", on="service")
def service_activate(*, actor: Actor, service: ServiceAccount) -> ServiceAccount:
    """Open it again. Its earlier tokens stay ended."""
    if service.user.is_active:
        raise Conflict("This service account is active.")
    _active_set(service, True)
    return service


@usecase("token.issue", on="service")
def service_token_issue(
    *,
    actor: Actor,
    service: ServiceAccount,
    label: str,
    scopes: Sequence[str] = (),
    permissions: Sequence[str] = (),
    project_ids: Sequence[UUID] = (),
    networks: Sequence[str] = (),
    life_days: int,
    rotates_itself: bool = False,
) -> tuple[ApiToken, str]:
    """Make a token for a service account. Returns it and its text, which is known here and nowhere later.

    Without projects it is bound to the account's own; others it may reach only by an administrator's hand.
    """
    if not service.user.is_active:
        raise Conflict("This service account is not active.", hint="Activate it first.")
    chosen = set(project_ids) or {service.project_id}
    if chosen != {service.project_id} and not actor.is_administrator:
        sentence = "Only an administrator makes tokens that reach beyond the account’s own project."
        raise InvalidInput(sentence, errors={"project_ids": [sentence]})
    rights = rights_check(
        user=service.user,
        scopes=scopes,
        permissions=permissions,
        project_ids=sorted(chosen),
        networks=networks,
    )
    life_check(life_days)
    room_demand(service.user)
    now = utc_now()
    return token_write(
        user=service.user,
        label=label,
        rights=rights,
        expires_at=now + timedelta(days=life_days),
        rotates_itself=rotates_itself,
        chain_ends_at=now + CHAIN_LIFE,
    )


@usecase("token.issue", on="service")
def service_token_rotate(
    *, actor: Actor, service: ServiceAccount, token: ApiToken, overlap_minutes: int = OVERLAP_MINUTES_DEFAULT
) -> tuple[ApiToken, str]:
    """Make a successor with the same rights and the same life; the old one works on for the overlap."""
    _own_demand(service, token)
    _reach_demand(actor, service, token)
    return successor_write(token=token, overlap_minutes=overlap_minutes, life=None, by_itself=False)


@usecase("token.withdraw", on="service")
def service_token_withdraw(*, actor: Actor, service: ServiceAccount, token: ApiToken) -> ApiToken:
    """End a token of a service account. The next request with it is refused."""
    _own_demand(service, token)
    if not token_end(token, Revocation.OWNER):
        raise Conflict("This token is revoked already.")
    return token


def _responsible_find(actor: Actor, username: str) -> User:
    """An active person: the one named, else the one who acts."""
    people = User.objects.filter(kind=AccountKind.PERSON, is_active=True)
    found = (
        people.filter(username__iexact=username.strip()).first()
        if username.strip()
        else people.filter(pk=actor.user_id).first()
    )
    if found is None:
        sentence = f"There is no active person named {username.strip()[:60]}."
        raise InvalidInput(sentence, errors={"responsible": [sentence]})
    return found


def _own_demand(service: ServiceAccount, token: ApiToken) -> None:
    policy.one(ApiToken.objects.filter(user_id=service.user_id), pk=token.pk)


def _reach_demand(actor: Actor, service: ServiceAccount, token: ApiToken) -> None:
    """A token that reaches further than the project is not handed to somebody of the project."""
    if set(token.project_ids) != {str(service.project_id)} and not actor.is_administrator:
        raise Conflict(
            "This token reaches beyond the account’s own project.", hint="Ask an administrator to rotate it."
        )


def _active_set(service: ServiceAccount, is_active: bool) -> None:
    service.user.is_active = is_active
    service.user.save(update_fields=["is_active"])
    touch(service)

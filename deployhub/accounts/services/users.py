"""Accounts, as an administrator sees them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import IntegrityError, models, transaction

from deployhub.access import policy
from deployhub.accounts.models import FederatedIdentity, Invitation, User
from deployhub.accounts.services.ownership import projects_pass_on
from deployhub.accounts.services.passwords import one_time_password
from deployhub.accounts.services.token_ends import tokens_end
from deployhub.accounts.vocab import AccountKind
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.usecase import usecase


@usecase("user.create")
def user_create(
    *,
    actor: Actor,
    username: str,
    name: str = "",
    email: str = "",
    is_administrator: bool = False,
    is_auditor: bool = False,
) -> tuple[User, str]:
    """Create an account. Returns it and its one-time password, which is shown once."""
    password = one_time_password()
    user = User(
        username=User.normalize_username(username),
        name=name,
        email=email,
        is_administrator=is_administrator,
        is_auditor=is_auditor,
    )
    taken = InvalidInput(
        "An account with this name exists already.",
        errors={"username": ["An account with this name exists already."]},
    )
    if User.objects.filter(username__iexact=user.username).exists():
        raise taken
    user.one_time_password_set(password)
    user.clean_fields()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise taken from error
    return user, password


@usecase("user.update", on="user")
def user_update(
    *,
    actor: Actor,
    user: User,
    name: str | None = None,
    email: str | None = None,
    is_administrator: bool | None = None,
    is_auditor: bool | None = None,
) -> User:
    """Change what is given. Another global role acts on the next request, and asks to sign in again."""
    person_demand(user)
    if is_administrator is False and user.is_administrator:
        _another_administrator_demand(user)
    wanted = {"name": name, "email": email, "is_administrator": is_administrator, "is_auditor": is_auditor}
    given = {field: value for field, value in wanted.items() if value is not None}
    roles_change = any(
        field in given and given[field] != getattr(user, field)
        for field in ("is_administrator", "is_auditor")
    )
    for field, value in given.items():
        setattr(user, field, value)
    if roles_change:  # who they are to DeployHub changed: they sign in again under it
        user.sessions_end()
        given["session_stamp"] = user.session_stamp
    user.save(update_fields=list(given))
    touch(user)
    return user


@usecase("user.deactivate", on="user")
def user_deactivate(*, actor: Actor, user: User, successors: Mapping[UUID, str] | None = None) -> User:
    """Close an account: sign-in, sessions and tokens end with the next request. What the person did stays.

    Projects that they alone own need a successor each (project id → account name), else nothing happens.
    """
    person_demand(user)
    not_oneself_demand(actor, user)
    if not user.is_active:
        raise Conflict("This account is not active.")
    if user.is_administrator:
        _another_administrator_demand(user)
    projects_pass_on(actor=actor, user=user, successors=successors or {})
    _access_end(user)
    user.is_active = False
    user.save(update_fields=["is_active", "session_stamp"])
    return user


@usecase("user.activate", on="user")
def user_activate(*, actor: Actor, user: User) -> User:
    """Open a closed account again. Earlier sessions and tokens stay ended."""
    person_demand(user)
    if user.is_active:
        raise Conflict("This account is active.")
    user.is_active = True
    user.save(update_fields=["is_active"])
    return user


@usecase("user.reset", on="user")
def user_reset(*, actor: Actor, user: User) -> tuple[User, str]:
    """For somebody who lost their password, or whose account was taken over. Returns a one-time password.

    Sessions and tokens end, identities at providers are unlinked. The second factor stays and is
    asked for: a lost one is reset by two (services/resets.py).
    """
    person_demand(user)
    not_oneself_demand(actor, user)
    if not user.is_active:
        raise Conflict("This account is not active.", hint="Activate it first.")
    password = one_time_password()
    _access_end(user)
    FederatedIdentity.objects.filter(user=user).delete()  # whoever took it over may have linked their own
    user.one_time_password_set(password)
    user.save(update_fields=["password", "must_change_password", "one_time_since", "session_stamp"])
    return user, password


def user_anonymise(*, actor: Actor, user: User) -> None:
    """Within the use case that erases a person: close the account, and leave nothing in it that names them.

    Factors, tokens, sessions, roles and whatever else is theirs alone is removed. Raises Conflict for oneself and for
    the last administrator.
    """
    not_oneself_demand(actor, user)
    if user.is_active and user.is_administrator:
        _another_administrator_demand(user)
    if user.is_active:
        projects_pass_on(actor=actor, user=user, successors={})
    _access_end(user)
    Invitation.objects.filter(accepted_by=user).update(email="", note="")
    for relation in user._meta.related_objects:
        rows = relation.related_model
        if relation.on_delete is models.CASCADE and rows._meta.app_label != "registry":
            for row in rows._base_manager.filter(**{relation.field.name: user}):
                row.delete()
    short = user.pk.hex[-8:]
    user.username, user.name, user.email = f"erased-{short}", f"Erased person {short[-4:]}", ""
    user.is_active = user.is_administrator = user.is_auditor = False
    user.set_unusable_password()
    user.save()


def _access_end(user: User) -> None:
    user.sessions_end()
    tokens_end(user)


def person_demand(user: User) -> None:
    """A service account has no global role, no password and no factor: it is looked after on its own page."""
    policy.one(User.objects.filter(kind=AccountKind.PERSON), pk=user.pk)


def not_oneself_demand(actor: Actor, user: User) -> None:
    """A leaked token or a stolen session of an administrator must not lock its owner out, nor shed the second factor."""
    if actor.user_id == user.pk:
        raise Conflict(
            "You cannot do this to your own account.",
            hint="Use your account page for your password and second factor, or ask another administrator.",
        )


def _another_administrator_demand(user: User) -> None:
    """Lock the active administrators, so that two of them cannot remove each other at once."""
    administrators = list(
        User.objects.select_for_update().filter(is_active=True, is_administrator=True).order_by("pk")
    )
    if not [other for other in administrators if other.pk != user.pk]:
        raise Conflict(
            "This is the last active administrator.",
            hint="Make somebody else an administrator first.",
            code="last_administrator",
        )

"""Passwords: made once for somebody else, or set by oneself."""

from __future__ import annotations

import base64
import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from deployhub.accounts.models import User
from deployhub.accounts.services.proof import IdentityProof, proof_demand
from deployhub.accounts.services.security import security_policy_begin
from deployhub.accounts.vocab import ONE_TIME_PASSWORD_CHARACTERS
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import InvalidInput
from deployhub.usecase import usecase

FIRST_USERNAME = "admin"


def one_time_password() -> str:
    """A password to be typed once: base 32 in groups of five."""
    text = base64.b32encode(secrets.token_bytes(ONE_TIME_PASSWORD_CHARACTERS * 5 // 8)).decode().lower()[:20]
    return "-".join(text[i : i + 5] for i in range(0, ONE_TIME_PASSWORD_CHARACTERS, 5))


def first_administrator_create() -> str | None:
    """On an installation without any account, create the administrator. Returns the one-time password, else None.

    Two processes may start at once: the unique name lets one of them create.
    """
    if User.objects.exists():
        return None
    password = one_time_password()
    user = User(username=FIRST_USERNAME, name="Administrator", is_administrator=True)
    user.one_time_password_set(password)
    try:
        with transaction.atomic(), system_scope("first start", action="user.create"):
            if User.objects.exists():
                return None
            user.save(force_insert=True)
    except IntegrityError:
        return None
    security_policy_begin()
    return password


def password_check_strength(*, user: User, password: str) -> None:
    """Raises InvalidInput with every reason for which the password is too weak."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            "The password is too weak.", errors={"new_password": list(error.messages)}
        ) from error


@usecase("account.password", on="user")
def password_change(*, actor: Actor, user: User, proof: IdentityProof | None, new_password: str) -> User:
    """Set one's own password and end all sessions. No proof is asked just after a one-time password."""
    if not user.must_change_password:
        proof_demand(proof, user)
    if user.check_password(new_password):
        raise InvalidInput(
            "The new password is the old one.",
            errors={"new_password": ["This is the password that you have. Choose another one."]},
        )
    password_check_strength(user=user, password=new_password)
    user.set_password(new_password)
    user.must_change_password = False
    user.one_time_since = None
    user.sessions_end()
    user.save(update_fields=["password", "must_change_password", "one_time_since", "session_stamp"])
    return user

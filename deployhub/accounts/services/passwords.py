"""Passwords: made once for somebody else, or set by oneself."""

from __future__ import annotations

import base64
import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from deployhub.accounts.models import User
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
    user = User(
        username=FIRST_USERNAME, name="Administrator", is_administrator=True, must_change_password=True
    )
    user.set_password(password)
    try:
        with transaction.atomic(), system_scope("first start", action="user.create"):
            if User.objects.exists():
                return None
            user.save(force_insert=True)
    except IntegrityError:
        return None
    return password


@usecase("account.password", on="user")
def password_change(*, actor: Actor, user: User, old_password: str | None, new_password: str) -> User:
    """Set one's own password and end all sessions. `old_password` is None only after a one-time password."""
    if old_password is None and not user.must_change_password:
        raise InvalidInput(
            "The old password is missing.", errors={"old_password": ["Type your present password."]}
        )
    if old_password is not None and not user.check_password(old_password):
        raise InvalidInput(
            "The old password is wrong.", errors={"old_password": ["This is not your password."]}
        )
    if user.check_password(new_password):
        raise InvalidInput(
            "The new password is the old one.",
            errors={"new_password": ["This is the password that you have. Choose another one."]},
        )
    try:
        validate_password(new_password, user)
    except ValidationError as error:
        raise InvalidInput(
            "The password is too weak.", errors={"new_password": list(error.messages)}
        ) from error
    user.set_password(new_password)
    user.must_change_password = False
    user.sessions_end()
    user.save(update_fields=["password", "must_change_password", "session_stamp"])
    return user

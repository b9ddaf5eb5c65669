"""One's own name and address."""

from __future__ import annotations

from deployhub.accounts.models import User
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.usecase import usecase


@usecase("account.update", on="user")
def account_update(*, actor: Actor, user: User, name: str, email: str) -> User:
    """Change the name and the mail address that others see."""
    user.name, user.email = name, email
    user.save(update_fields=["name", "email"])
    touch(user)
    return user

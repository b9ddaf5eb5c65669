"""Letting somebody try again who failed too often."""

from __future__ import annotations

from deployhub.accounts.models import User
from deployhub.accounts.services.attempts import attempts_forget_account
from deployhub.audit.scope import touch
from deployhub.kernel.actor import Actor
from deployhub.usecase import usecase


@usecase("user.unlock", on="user")
def user_unlock(*, actor: Actor, user: User) -> int:
    """Forget the failed attempts at an account, wherever they came from. Returns how many keys were slowed down."""
    count = attempts_forget_account(user.username, user.pk)
    touch(user, slowed_down_keys=count)
    return count

"""What a token may be made with: checked alike for people and for service accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from deployhub.access import policy
from deployhub.access.vocab import CHOOSABLE_PERMISSIONS, PERMISSIONS, TokenScope
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.sealing import token_digest
from deployhub.accounts.selectors import actor_of_account
from deployhub.accounts.vocab import TOKEN_LIFE_DAYS_MAX, TOKEN_NETWORKS_MAX, TOKENS_MAX
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.kernel.ids import new_id
from deployhub.kernel.token_text import TokenPrefix, token_text_new


@dataclass(frozen=True, slots=True)
class TokenRights:
    """What a token carries: permissions × projects × networks. Made by `rights_check`, or copied from a token."""

    scopes: list[str]
    permissions: list[str]
    project_ids: list[str]
    networks: list[str]


def rights_check(
    *,
    user: User,
    scopes: Sequence[str],
    permissions: Sequence[str],
    project_ids: Sequence[UUID],
    networks: Sequence[str],
) -> TokenRights:
    """The rights as they are stored. Raises InvalidInput for what is unknown or more than the account has."""
    if set(scopes) - set(TokenScope.values) or not (scopes or permissions):
        raise InvalidInput(
            "A token needs at least one scope or permission.",
            errors={"scopes": ["Choose what the token may do."]},
        )
    account = actor_of_account(user)
    for code in permissions:
        if code not in CHOOSABLE_PERMISSIONS:
            raise _refused("permissions", f"No token can carry {code[:60]}.")
        if not policy.can(account, code):
            raise _refused(
                "permissions",
                f"{user.display_name} has no role that allows: {PERMISSIONS[code].label.lower()}.",
            )
    if not set(project_ids) <= set(policy.roles_of(account)):
        subject = "The service account has" if user.is_service else "You have"
        raise InvalidInput(
            f"{subject} no role in one of the projects.",
            errors={"projects": ["Choose from the projects that are offered."]},
        )
    return TokenRights(
        scopes=[scope for scope in TokenScope.values if scope in scopes],
        permissions=[code for code in PERMISSIONS if code in permissions],
        project_ids=sorted(str(project_id) for project_id in set(project_ids)),
        networks=networks_check(networks),
    )


def networks_check(networks: Sequence[str]) -> list[str]:
    """Address ranges in their usual form. Raises InvalidInput for what is none, or is wider than it was written."""
    found: list[str] = []
    for written in networks:
        try:
            network = str(ip_network(written.strip()))
        except ValueError as error:
            raise _refused(
                "networks",
                f"“{written.strip()[:60]}” is no address range. Write it like 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32, "
                "with no bits set behind the slash’s length.",
            ) from error
        if network not in found:
            found.append(network)
    if len(found) > TOKEN_NETWORKS_MAX:
        raise _refused("networks", f"A token has at most {TOKEN_NETWORKS_MAX} address ranges.")
    return found


def life_check(life_days: int) -> None:
    if not 1 <= life_days <= TOKEN_LIFE_DAYS_MAX:
        raise _refused("life_days", f"A token lives 1 to {TOKEN_LIFE_DAYS_MAX} days.")


def rights_of(token: ApiToken) -> TokenRights:
    return TokenRights(token.scopes, token.permissions, token.project_ids, token.networks)


def token_write(
    *, user: User, label: str, rights: TokenRights, expires_at: datetime, **fields: Any
) -> tuple[ApiToken, str]:
    """Write a token inside the caller's use case. Returns it and its text, which is known here and nowhere later."""
    token_id = new_id()
    text = token_text_new(TokenPrefix.SERVICE if user.is_service else TokenPrefix.PERSONAL, token_id)
    token = ApiToken.objects.create(
        id=token_id,
        user=user,
        label=label,
        digest=token_digest(text),
        scopes=rights.scopes,
        permissions=rights.permissions,
        project_ids=rights.project_ids,
        networks=rights.networks,
        expires_at=expires_at,
        **fields,
    )
    return token, text


def room_demand(user: User) -> None:
    """Raises Conflict where the account has as many usable tokens as anybody can oversee."""
    usable = ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=utc_now())
    if usable.count() >= TOKENS_MAX:
        raise Conflict(
            f"{user.display_name} has {TOKENS_MAX} usable tokens.",
            hint="Revoke one that is not used any more.",
        )


def _refused(field: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, errors={field: [sentence]})

"""All reads of the accounts floor, scoped to the actor."""

from __future__ import annotations

from uuid import UUID

from deployhub.accounts.models import TotpDevice


def second_factor_is_on(user_id: UUID) -> bool:
    return TotpDevice.objects.filter(user_id=user_id, confirmed=True).exists()

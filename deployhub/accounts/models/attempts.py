"""Failed attempts."""

from __future__ import annotations

from django.db import models

from deployhub.kernel.clock import utc_now


class FailedAttempts(models.Model):
    """How often somebody failed in a row (sign_in_throttle). Technical, not audited: the failures themselves are."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True)
    account = models.CharField(max_length=64, blank=True, db_index=True)
    """The account's key (digested too), so that an administrator can forget all of its rows."""
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=utc_now, db_index=True)

    def __str__(self) -> str:
        return f"{self.count} in a row"

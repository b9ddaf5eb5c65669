"""Who fails again and again waits, longer each time. The one seam for it: sign-in, codes and recovery codes.

In the database, so that it holds across processes and restarts. An attempt is counted before it is judged, by
compare-and-set, so that many parallel guesses are many counts.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db import IntegrityError

from deployhub.accounts.models import FailedAttempts
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, RateLimited

FREE_ATTEMPTS = 5
WAIT_SECONDS_MAX = 900
FORGOTTEN_AFTER = timedelta(hours=24)
_RACES_MAX = 20


def attempts_key(*parts: object) -> str:
    """One key for what is guessed at and from where. Digested: names typed wrongly may be passwords."""
    return hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()


def wait_seconds(count: int) -> int:
    """How long to wait after so many failures in a row: 0 at first, then 2, 4, 8 … 900 seconds."""
    return 0 if count < FREE_ATTEMPTS else min(2 ** min(count - FREE_ATTEMPTS + 1, 20), WAIT_SECONDS_MAX)


def attempt_begin(key: str) -> None:
    """Count an attempt. Raises RateLimited while the wait after earlier failures is not over."""
    for _ in range(_RACES_MAX):
        now = utc_now()
        row = FailedAttempts.objects.filter(key=key).first()
        if row is None:
            FailedAttempts.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
            try:
                FailedAttempts.objects.get_or_create(key=key, defaults={"count": 1, "last_at": now})
            except IntegrityError:  # pragma: no cover - another attempt was first
                continue
            return
        count = 0 if now - row.last_at > FORGOTTEN_AFTER else row.count
        left = wait_seconds(count) - (now - row.last_at).total_seconds()
        if left > 0:
            seconds = int(left) + 1
            raise RateLimited(
                "Too many attempts failed.",
                hint=f"Wait {seconds} s, then try again.",
                extra={"retry_after_s": seconds},
            )
        seen = FailedAttempts.objects.filter(pk=row.pk, count=row.count, last_at=row.last_at)
        if seen.update(count=count + 1, last_at=now):
            return
    raise Conflict("Too many attempts at the same time.", hint="Try again.")


def attempts_forget(key: str) -> None:
    """It succeeded: the next failure is the first again."""
    FailedAttempts.objects.filter(key=key).delete()

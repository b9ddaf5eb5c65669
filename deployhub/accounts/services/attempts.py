"""Who fails again and again waits, longer each time. The one seam for it: sign-in, codes and recovery codes.

In the database, so that it holds across processes and restarts. An attempt is counted before it is judged, by
compare-and-set, so that many parallel guesses are many counts.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F, Q

from deployhub.accounts.models import FailedAttempts
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, RateLimited

FREE_ATTEMPTS = 5
FREE_BY_ACCOUNT = 15
FREE_BY_ADDRESS = 25
FADES_SECONDS = 600
"""An office shares one address: one failure of it fades every ten minutes."""
WAIT_SECONDS_MAX = 900
FORGOTTEN_AFTER = timedelta(hours=24)
_RACES_MAX = 20


def attempts_key(*parts: object) -> str:
    """One key for what is guessed at and from where. Digested: names typed wrongly may be passwords."""
    return hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()


def address_key(address: str) -> str:
    """Whatever fails from one address, at whichever accounts: one guess at each of many is guessing too."""
    return attempts_key("address", address)


def account_key(username: str) -> str:
    """Whatever fails at one account, from whichever addresses. Unknown names have one like the known."""
    return attempts_key("account", username.casefold())


def wait_seconds(count: int, free: int = FREE_ATTEMPTS) -> int:
    """How long to wait after so many failures in a row: 0 at first, then 2, 4, 8 … 900 seconds."""
    return 0 if count < free else min(2 ** min(count - free + 1, 20), WAIT_SECONDS_MAX)


def attempt_begin(
    key: str, *, free: int = FREE_ATTEMPTS, fades_s: int | None = None, account: str = ""
) -> None:
    """Count an attempt. Raises RateLimited while the wait after earlier failures is not over.

    `fades_s`: one failure is forgotten after each so many seconds, for keys that many people share.
    """
    for _ in range(_RACES_MAX):
        now = utc_now()
        row = FailedAttempts.objects.filter(key=key).first()
        if row is None:
            FailedAttempts.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
            try:
                FailedAttempts.objects.get_or_create(
                    key=key, defaults={"count": 1, "last_at": now, "account": account}
                )
            except IntegrityError:  # pragma: no cover - another attempt was first
                continue
            return
        passed_s = (now - row.last_at).total_seconds()
        count = 0 if now - row.last_at > FORGOTTEN_AFTER else row.count
        left = wait_seconds(count, free) - passed_s
        if left > 0:
            seconds = int(left) + 1
            raise RateLimited(
                "Too many attempts failed.",
                hint=f"Wait {seconds} s, then try again.",
                extra={"retry_after_s": seconds},
            )
        if fades_s is not None:
            count = max(0, count - int(passed_s / fades_s))
        seen = FailedAttempts.objects.filter(pk=row.pk, count=row.count, last_at=row.last_at)
        if seen.update(count=count + 1, last_at=now):
            return
    raise Conflict("Too many attempts at the same time.", hint="Try again.")


def address_attempt_begin(address: str) -> None:
    attempt_begin(address_key(address), free=FREE_BY_ADDRESS, fades_s=FADES_SECONDS)


def sign_in_attempt_begin(*, username: str, address: str, is_known_address: bool) -> None:
    """Count an attempt at an account: by the pair, by the account and by the address.

    An address from which this person signed in before is spared the account's wait: else anybody could lock them out.
    Raises RateLimited; an attempt that is refused counts nowhere.
    """
    account = account_key(username)
    pair = attempts_key("password", username.casefold(), address)
    attempt_begin(pair, account=account)
    try:
        if not is_known_address:
            attempt_begin(account, free=FREE_BY_ACCOUNT, account=account)
        try:
            address_attempt_begin(address)
        except RateLimited:
            if not is_known_address:
                attempt_give_back(account)
            raise
    except RateLimited:
        attempt_give_back(pair)
        raise


def sign_in_attempt_succeeded(*, username: str, address: str) -> None:
    """The account's failures are forgotten; the address only gets this attempt back, or an own account would wipe
    out what was guessed at others."""
    attempts_forget(attempts_key("password", username.casefold(), address))
    attempts_forget(account_key(username))
    attempt_give_back(address_key(address))


def attempt_give_back(key: str) -> None:
    """An attempt that was counted turned out to be none."""
    FailedAttempts.objects.filter(key=key, count__lte=1).delete()
    FailedAttempts.objects.filter(key=key, count__gt=1).update(count=F("count") - 1)


def attempts_forget(key: str) -> None:
    """It succeeded: the next failure is the first again."""
    FailedAttempts.objects.filter(key=key).delete()


def attempts_forget_account(username: str, user_id: UUID) -> int:
    """Forget what failed at an account: passwords from every address, second factors, proofs. Returns how many keys."""
    keys = [attempts_key("second factor", user_id), attempts_key("proof", user_id)]
    gone = FailedAttempts.objects.filter(Q(account=account_key(username)) | Q(key__in=keys))
    return gone.delete()[0]

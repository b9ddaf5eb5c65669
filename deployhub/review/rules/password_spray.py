"""One address tries its luck on many accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployhub.review.watch.events import SIGN_IN, Event
from deployhub.review.watch.rule import Hit, Limits, Rule, Surroundings, limit
from deployhub.review.watch.vocab import Severity


@dataclass(frozen=True)
class PasswordSprayLimits(Limits):
    accounts: int = limit(5, "Accounts", "Different accounts that failed from one address.", most=500)
    minutes: int = limit(30, "Within", "The quick kind.", most=1440, unit="min")
    accounts_strange: int = limit(
        3, "Accounts, from a strange address", "Likewise, where nobody signed in for a day.", most=500
    )
    accounts_slow: int = limit(8, "Accounts, slowly", "Likewise, over the longer time.", most=500)
    hours_slow: int = limit(24, "Within", "The slow kind, which stays below the throttle.", most=72, unit="h")


class PasswordSpray(Rule):
    key = "password_spray"
    label = "Password spray"
    looks_for = "Failed sign-ins to many different accounts from one address, quickly or over a day."
    means = "Somebody tries a common password on everybody, or a list of stolen ones."
    advice = (
        "See whether one of the accounts was signed in to from there. Block the address at the proxy; reset the "
        "accounts that it entered."
    )
    severity = Severity.HIGH
    limits = PasswordSprayLimits

    def judge(self, event: Event, around: Surroundings, limits: Any) -> Hit | None:
        if event.action != SIGN_IN or not event.failed or not event.address:
            return None
        day = around.timeline.back("address", event.address, to=event, span=timedelta(hours=24))
        strange = not any(one.done and one.by_person for one in day)
        quick = min(limits.accounts, limits.accounts_strange) if strange else limits.accounts
        kinds = (
            (timedelta(minutes=limits.minutes), quick, f"{limits.minutes} minutes"),
            (timedelta(hours=limits.hours_slow), limits.accounts_slow, f"{limits.hours_slow} hours"),
        )
        for span, least, words in kinds:
            failures = [
                one
                for one in around.timeline.back("address", event.address, to=event, span=span)
                if one.action == SIGN_IN and one.failed
            ]
            accounts = {one.account for one in failures if one.account}
            if len(accounts) >= least:
                return self.hit(
                    event,
                    f"From {event.address}, sign-ins to {len(accounts)} different accounts failed within {words}.",
                    events=failures,
                    subject=f"address {event.address}",
                    accounts=len(accounts),
                    failures=len(failures),
                )
        return None


RULE = PasswordSpray()

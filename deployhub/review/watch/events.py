"""An event as the rules see it, and the timeline in which they look back."""

from __future__ import annotations

import functools
import ipaddress
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from deployhub.review.watch.actions import RAISES

NETWORK_PREFIX_V4 = 16
NETWORK_PREFIX_V6 = 32
"""A network in the sense of the review: what one provider or one company hands out. Phones roam within it."""
DEVICE_CHARACTERS = 80
SIGN_IN = "account.sign_in"

_VERSION = re.compile(r"[\d._]+")


@functools.lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The network of an address: "203.0.0.0/16"; empty for no address, the text itself where it is none."""
    if not address:
        return ""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    prefix = NETWORK_PREFIX_V4 if known.version == 4 else NETWORK_PREFIX_V6
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


@functools.lru_cache(maxsize=4096)
def device_of(user_agent: str) -> str:
    """The program and system that a user agent names, without versions: an update is no new device."""
    return re.sub(r"\s+", " ", _VERSION.sub("", user_agent))[:DEVICE_CHARACTERS].strip()


@dataclass(frozen=True, slots=True)
class Event:
    """One audit event. `person_id` is who did it or, for a sign-in that failed, whose account it was about."""

    id: int
    at: datetime
    action: str
    operation: str = "event"
    outcome: str = "success"
    actor_kind: str = "user"
    actor_id: UUID | None = None
    actor_name: str = ""
    door: str = "browser"
    address: str = ""
    user_agent: str = ""
    auth_method: str = ""
    session_id: str = ""
    token_id: UUID | None = None
    project_id: UUID | None = None
    object_type: str = ""
    object_id: str = ""
    object_label: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def done(self) -> bool:
        return self.outcome == "success"

    @property
    def failed(self) -> bool:
        return self.outcome == "failed"

    @property
    def denied(self) -> bool:
        return self.outcome == "denied"

    @property
    def forbidden(self) -> bool:
        """Refused for good: not merely asked for a fresh second factor first (access/policy.py)."""
        return self.denied and not self.reason.startswith("allowed, but")

    @property
    def is_read(self) -> bool:
        return self.operation == "read"

    @property
    def by_person(self) -> bool:
        """Somebody was at the door: not DeployHub itself, and not a worker that carries out an earlier wish."""
        return self.actor_id is not None and self.actor_kind != "system" and self.door != "worker"

    @property
    def network(self) -> str:
        return network_of(self.address)

    @property
    def device(self) -> str:
        return device_of(self.user_agent)

    @property
    def account(self) -> str:
        """The account that a sign-in was tried on: its id, or the name that was typed."""
        if self.action != SIGN_IN:
            return ""
        return self.object_id or self.after("username").casefold()

    @property
    def person_id(self) -> UUID | None:
        if self.actor_id is not None:
            return self.actor_id
        if self.action == SIGN_IN and self.object_id:
            return UUID(self.object_id)
        return None

    @property
    def person_name(self) -> str:
        return self.actor_name if self.actor_id is not None else self.object_label

    def after(self, name: str) -> str:
        """What a column held afterwards, or a fact of the event; empty when it tells nothing of it."""
        pair = self.changes.get(name)
        value = pair[1] if isinstance(pair, list | tuple) and len(pair) == 2 else None
        return "" if value is None else str(value)

    def became_true(self, name: str) -> bool:
        pair = self.changes.get(name)
        return isinstance(pair, list | tuple) and len(pair) == 2 and pair[1] is True and pair[0] is not True


def _when(event: Event) -> tuple[datetime, int]:
    return (event.at, event.id)


class Timeline:
    """Events by person, address, account, token, session and by the person they are about, in the order of time."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._by: dict[tuple[str, Hashable], list[Event]] = {}
        self._known: set[int] = set()
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        if event.id in self._known:
            return
        self._known.add(event.id)
        keys = {
            "person": event.person_id,
            "address": event.address,
            "account": event.account,
            "token": event.token_id,
            "session": event.session_id,
            "subject": event.object_id if event.object_type == "user" else "",
            "raised": event.object_id if event.action in RAISES and event.object_type == "user" else "",
        }
        for name, value in keys.items():
            if value:
                line = self._by.setdefault((name, value), [])
                if line and _when(line[-1]) > _when(event):
                    insort(line, event, key=_when)
                else:
                    line.append(event)

    def back(self, kind: str, value: Hashable, *, to: Event, span: timedelta) -> list[Event]:
        """The events of one key (kinds as in `add`) within `span` up to and with `to`."""
        line = self._by.get((kind, value), [])
        first = bisect_left(line, to.at - span, key=lambda event: event.at)
        last = bisect_right(line, _when(to), key=_when)
        return line[first:last]

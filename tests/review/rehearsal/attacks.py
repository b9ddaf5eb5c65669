"""Attacks, hidden in the fortnight. How large each is, is drawn; no number comes from a threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from deployhub.review.watch.events import Event
from tests.review.rehearsal.team import FORTNIGHT_DAYS, JUDGED_FROM, OFFICE, PHONE, Fortnight, Worker
from tests.review.story import CHROME, PYTHON, id_of

LONG_GONE = "former colleague"
BACK_THEN = "Mozilla/5.0 (Windows NT 6.1) Opera/90.0"


@dataclass
class Attack:
    kind: str
    events: list[Event]


class Attacker:
    """Writes one attack of each kind into a fortnight; remembers which events are theirs."""

    def __init__(self, fortnight: Fortnight, seed: int) -> None:
        self.random = Random(f"attacks {seed}")
        self.fortnight, self.story = fortnight, fortnight.story
        self.attacks: list[Attack] = []
        for kind, write in KINDS.items():
            before = len(self.story.events)
            write(self)
            written = [event for event in self.story.events[before:] if event.at >= JUDGED_FROM]
            self.attacks.append(Attack(kind, written))

    def when(self, hour: float | None = None) -> datetime:
        """Some time in the fortnight, by default at any hour; a day of its own for nobody."""
        day = self.random.randrange(1, FORTNIGHT_DAYS - 1)
        at = self.random.uniform(0, 24) if hour is None else hour
        return JUDGED_FROM + timedelta(days=day, hours=at)

    def foreign(self) -> str:
        return (
            f"{self.random.randrange(101, 126)}.{self.random.randrange(250)}.{self.random.randrange(250)}.7"
        )

    def victim(self, *roles: str) -> Worker:
        return self.random.choice([one for one in self.fortnight.people if not roles or one.role in roles])

    def spray(self) -> None:
        at, where = self.when(), self.foreign()
        for number, worker in enumerate(
            self.random.sample(self.fortnight.people, self.random.randrange(4, 14))
        ):
            self.story.failed_sign_in(worker.name, at=at + timedelta(seconds=20 * number), address=where)

    def slow_spray(self) -> None:
        at, where = self.when(hour=1), self.foreign()
        for number in range(self.random.randrange(9, 20)):
            self.story.failed_sign_in(
                f"guess {number}", known=False, at=at + timedelta(hours=number), address=where
            )

    def brute_force(self) -> None:
        worker, at = self.victim(), self.when()
        for number in range(self.random.randrange(10, 60)):
            self.story.failed_sign_in(
                worker.name, at=at + timedelta(seconds=70 * number), address=self.foreign()
            )

    def guessed_password(self) -> None:
        worker, at, where = self.victim(), self.when(), self.foreign()
        for number in range(self.random.randrange(3, 11)):
            self.story.failed_sign_in(worker.name, at=at + timedelta(seconds=30 * number), address=where)
        self.story.signed_in(worker.name, at=at + timedelta(minutes=7), address=where, user_agent=BACK_THEN)

    def stolen_password(self) -> None:
        self.story.signed_in(self.victim().name, at=self.when(), address=self.foreign(), user_agent=BACK_THEN)

    def enumeration(self) -> None:
        worker, at = self.victim("viewer", "engineer"), self.when()
        for number in range(self.random.randrange(10, 200)):
            self.story.did(worker.name, "object.missing", at=at + timedelta(seconds=2 * number), outcome="denied",
                           changes={"address": [None, f"/models/{self.random.getrandbits(60)}/"]})  # fmt: skip

    def carried_off(self) -> None:
        worker, at = self.victim("engineer", "owner"), self.when()
        for number in range(self.random.randrange(20, 150)):
            self.story.did(worker.name, "artifact.download", at=at + timedelta(seconds=15 * number),
                           object_type="artifact", object_id=f"stolen {number}", address=worker.home,
                           user_agent=worker.devices[0])  # fmt: skip

    def walked_through(self) -> None:
        worker, at = self.victim("engineer", "viewer"), self.when()
        for number in range(self.random.randrange(100, 900)):
            self.story.did(worker.name, "model.view", at=at + timedelta(seconds=1.5 * number), address=worker.home,
                           object_type="modelversion", object_id=f"walked {number}", user_agent=worker.devices[0])  # fmt: skip

    def at_night(self) -> None:
        worker = self.victim("administrator", "release_manager")
        at = self.when(hour=self.random.uniform(0.5, 4))
        self.story.did(worker.name, self.random.choice(["user.reset", "model.alias", "token.create"]), at=at,
                       object_type="user", object_id="x", address=worker.home, user_agent=worker.devices[0])  # fmt: skip

    def forgotten_account(self) -> None:
        """Its last sign of life is of long ago; that one is no part of the attack."""
        at = self.when()
        last = at - timedelta(days=self.random.randrange(50, 300))
        self.story.signed_in(LONG_GONE, at=last, address="95.1.2.3")
        self.story.signed_in(LONG_GONE, at=at, address=self.foreign(), user_agent=CHROME)

    def own_rights(self) -> None:
        worker = self.victim("administrator", "owner")
        self.story.did(worker.name, "membership.grant", at=self.when(hour=11), object_type="membership",
                       object_label=f"{worker.name} as Owner", address=f"{OFFICE}.3", user_agent=worker.devices[0],
                       changes={"role": [None, "owner"], "user_id": [None, str(id_of(worker.name))]})  # fmt: skip

    def raised_and_used(self) -> None:
        worker, at = self.victim("engineer", "viewer"), self.when(hour=12)
        self.story.did("mona", "user.update", at=at, object_type="user", object_id=str(id_of(worker.name)),
                       object_label=worker.name, changes={"is_administrator": [False, True]}, address=f"{OFFICE}.2")  # fmt: skip
        for number in range(self.random.randrange(4, 12)):
            self.story.did(worker.name, self.random.choice(["user.reset", "artifact.download", "membership.grant"]),
                           at=at + timedelta(minutes=1 + 2 * number), object_type="x", object_id=f"{number}",
                           address=worker.home, user_agent=worker.devices[0])  # fmt: skip

    def factor_away(self) -> None:
        worker, at = self.victim("engineer"), self.when(hour=14)
        self.story.did(
            worker.name, "mfa.remove", at=at, object_type="user", object_id=str(id_of(worker.name))
        )
        self.story.did(worker.name, "token.create", at=at + timedelta(minutes=self.random.randrange(1, 300)))

    def foreign_session(self) -> None:
        worker, at = self.victim(), self.when()
        for number in range(self.random.randrange(5, 12)):
            self.story.did(worker.name, "mfa.step_up", at=at + timedelta(seconds=50 * number), outcome="failed",
                           address=worker.home, user_agent=worker.devices[0])  # fmt: skip

    def copied_token(self) -> None:
        at, where = self.when(), self.foreign()
        for number in range(3):
            self.story.did("ci", "version.view", at=at + timedelta(seconds=number), address=where, user_agent=PYTHON,
                           token_id=id_of("ci"), door="api", object_type="modelversion", object_id="1")  # fmt: skip

    def stolen_cookie(self) -> None:
        worker, at = self.victim("engineer"), self.when(hour=11)
        own = {"session_id": "c00c1e00", "object_type": "job", "object_id": "1"}
        self.story.did(
            worker.name, "job.view", at=at, address=worker.home, user_agent=worker.devices[0], **own
        )
        self.story.did(worker.name, "job.view", at=at + timedelta(minutes=30), address=self.foreign(),
                       user_agent=PHONE + " Tor", **own)  # fmt: skip

    def alone(self) -> None:
        self.story.did("ada", "model.alias", at=self.when(hour=10), object_type="modelalias", object_id="a",
                       object_label="champion", changes={"version_id": [None, "ada's own"]}, address=f"{OFFICE}.3")  # fmt: skip

    def blinded(self) -> None:
        self.story.did("mona", "rule.mute", at=self.when(hour=10), object_type="rulesetting", object_id="r",
                       object_label="mass_download", reason="noise", address=f"{OFFICE}.2")  # fmt: skip

    def a_little_each_day(self) -> None:
        """As much as carried off, in small parts."""
        worker = self.victim("engineer", "owner")
        for day in range(6):
            for number in range(self.random.randrange(8, 16)):
                self.story.did(worker.name, "artifact.download", object_type="artifact",
                               at=JUDGED_FROM + timedelta(days=5 + day, hours=worker.begins + 1, minutes=4 * number),
                               object_id=f"slow {day} {number}", address=worker.home, user_agent=worker.devices[0])  # fmt: skip


KINDS: dict[str, Callable[[Attacker], None]] = {
    "a spray over many accounts": Attacker.spray,
    "a slow spray over a day": Attacker.slow_spray,
    "brute force from many addresses": Attacker.brute_force,
    "a password guessed at last": Attacker.guessed_password,
    "a stolen password used at once": Attacker.stolen_password,
    "feeling one's way through ids": Attacker.enumeration,
    "artifacts carried off": Attacker.carried_off,
    "everything read by a program": Attacker.walked_through,
    "a privileged action at night": Attacker.at_night,
    "a forgotten account found": Attacker.forgotten_account,
    "rights given to oneself": Attacker.own_rights,
    "raised, and used at once": Attacker.raised_and_used,
    "second factor removed, token made": Attacker.factor_away,
    "a stranger at a signed-in session": Attacker.foreign_session,
    "a token copied": Attacker.copied_token,
    "a cookie stolen": Attacker.stolen_cookie,
    "own version put into use": Attacker.alone,
    "a rule muted": Attacker.blinded,
    "artifacts carried off, a little each day": Attacker.a_little_each_day,
}

"""A whole team at work for six weeks: what is usual, and what is odd without being bad. Seeded, no database.

The numbers are guesses of how people work, made before the rules were measured; nothing here knows a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.review.story import CHROME, FIREFOX, PYTHON, Story, id_of

WARM_UP_DAYS = 30
FORTNIGHT_DAYS = 14
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday. The fortnight that is judged begins 30 days later."""
JUDGED_FROM = BEGIN + timedelta(days=WARM_UP_DAYS)
END = JUDGED_FROM + timedelta(days=FORTNIGHT_DAYS)

OFFICE = "198.51.100"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/141.0.0.0"
TOOL = "deployhub/0.1 httpx/0.28"


@dataclass
class Worker:
    """One person: role, working hours (UTC), where they work, with what, and how much they look and fetch."""

    name: str
    role: str
    begins: float = 8.5
    hours: float = 8.5
    home: str = ""
    devices: list[str] = field(default_factory=lambda: [FIREFOX])
    reads: tuple[int, int] = (20, 70)
    downloads: tuple[int, int] = (0, 4)
    at_home: float = 0.4
    away: tuple[int, int] = (0, 0)
    """Days of leave, counted from the beginning."""

    @property
    def tool_token(self) -> str:
        return f"{self.name}'s command line"


def team(random: Random) -> list[Worker]:
    """Fourteen people and a build server's account."""
    people = [
        Worker("ada", "owner", downloads=(1, 6)),
        Worker("ben", "engineer", begins=7.0, devices=[CHROME]),
        Worker("cleo", "engineer", begins=9.5, devices=[FIREFOX, PHONE]),
        Worker("dan", "engineer", begins=13.5, devices=[EDGE]),
        Worker("edda", "engineer", devices=[CHROME], downloads=(0, 8)),
        Worker("finn", "engineer", at_home=0.9),
        Worker("gita", "engineer", begins=4.0, devices=[CHROME]),
        Worker("hugo", "engineer", begins=20.0, hours=8.0, at_home=0.0, devices=[EDGE]),
        Worker("ines", "release_manager", downloads=(2, 12)),
        Worker("jan", "release_manager", devices=[CHROME], downloads=(1, 8)),
        Worker("kira", "viewer", reads=(5, 30), downloads=(0, 0)),
        Worker("levi", "viewer", reads=(3, 25), downloads=(0, 0), devices=[EDGE]),
        Worker("mona", "administrator", reads=(10, 40), downloads=(0, 1)),
        Worker("nils", "auditor", reads=(30, 110), downloads=(0, 0)),
    ]
    for number, worker in enumerate(people):
        worker.home = (
            f"{80 + number}.{random.randrange(10, 250)}.{random.randrange(250)}.{random.randrange(2, 250)}"
        )
    traveller = random.choice(people[1:7])
    first = random.randrange(0, 18)
    traveller.away = (first, first + random.choice([7, 14, 21]))
    return people


class Fortnight:
    """Writes the team's days into a story."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.story = Story(at=BEGIN)
        self.people = team(self.random)
        self.models = 60
        self.fetched = 0
        for number in range(WARM_UP_DAYS + FORTNIGHT_DAYS):
            self.day(BEGIN + timedelta(days=number), number)
        self.oddities()

    # One day.

    def day(self, day: datetime, number: int) -> None:
        for worker in self.people:
            if worker.away[0] <= number < worker.away[1]:
                continue
            if day.weekday() >= 5 and self.random.random() > 0.06:
                continue
            if self.random.random() < 0.05:
                continue  # ill, at a customer's, at a conference
            self.work(worker, day)
        self.build_server(day)
        if number % 14 == 10:
            self.release(day)

    def work(self, worker: Worker, day: datetime) -> None:
        random = self.random
        begin = day + timedelta(hours=worker.begins + random.gauss(0, 0.5))
        long_evening = random.random() < 0.06
        hours = worker.hours + (random.uniform(2, 4) if long_evening else random.gauss(0, 0.6))
        where = self.where(worker)
        device = random.choice(worker.devices)
        self.sign_in(worker, begin, where, device)
        session = {"session_id": f"{random.getrandbits(32):08x}", "address": where, "user_agent": device}
        for _ in range(random.randint(*worker.reads)):
            at = begin + timedelta(hours=random.betavariate(1.3, 1.3) * hours, minutes=3)
            self.read(worker, at, **session)
        for _ in range(random.randint(*worker.downloads)):
            self.fetch(worker, begin + timedelta(hours=random.random() * hours, minutes=5), **session)
        if random.random() < 0.3:
            self.refused(worker, begin + timedelta(hours=random.random() * hours), **session)
        if random.random() < 0.1:
            self.left_open(begin + timedelta(hours=hours + 4), where)
        self.deeds(worker, begin, hours, session)

    def where(self, worker: Worker) -> str:
        roll = self.random.random()
        if roll < worker.at_home:
            return worker.home
        if roll > 0.97:
            return (
                f"37.{self.random.randrange(60, 64)}.{self.random.randrange(250)}.9"  # a telephone's network
            )
        return f"{OFFICE}.{self.random.randrange(2, 6)}"

    def sign_in(self, worker: Worker, at: datetime, where: str, device: str) -> None:
        roll = self.random.random()
        failures = (
            0 if roll < 0.9 else self.random.randint(1, 3) if roll < 0.99 else self.random.randint(4, 8)
        )
        for number in range(failures):
            self.story.failed_sign_in(worker.name, at=at - timedelta(seconds=40 * (failures - number)), address=where,
                                      user_agent=device)  # fmt: skip
        self.story.signed_in(worker.name, at=at, address=where, user_agent=device)

    def read(self, worker: Worker, at: datetime, **how: Any) -> None:
        kind = self.random.choice(["registeredmodel", "modelversion", "artifact", "job", ""])
        which = str(self.random.randrange(self.models)) if kind else ""
        self.story.did(worker.name, "model.view", at=at, object_type=kind, object_id=which, **how)

    def fetch(self, worker: Worker, at: datetime, **how: Any) -> None:
        self.fetched += 1
        for part in range(self.random.choice([1, 1, 1, 3])):  # a range download is several requests
            self.story.did(worker.name, "artifact.download", at=at + timedelta(seconds=part), object_type="artifact",
                           object_id=f"artifact {self.fetched}", **how)  # fmt: skip

    def refused(self, worker: Worker, at: datetime, **how: Any) -> None:
        for number in range(self.random.choice([1, 1, 2, 4])):
            self.story.did(worker.name, "object.missing", at=at + timedelta(seconds=9 * number), outcome="denied",
                           changes={"address": [None, f"/jobs/{self.random.randrange(40)}/"]}, **how)  # fmt: skip

    def left_open(self, at: datetime, where: str) -> None:
        """A live page whose session ended goes on asking."""
        for number in range(self.random.randrange(50, 400)):
            self.story.did(
                "", "job.view", at=at + timedelta(seconds=5 * number), outcome="denied", address=where
            )

    def deeds(self, worker: Worker, begin: datetime, hours: float, session: dict[str, Any]) -> None:
        random, story = self.random, self.story

        def moment() -> datetime:
            return begin + timedelta(hours=random.random() * hours)

        if worker.role in ("engineer", "owner"):
            for _ in range(random.choice([0, 0, 1, 1, 2])):
                story.did(
                    worker.name, "export.create", at=moment(), object_type="export", object_id="e", **session
                )
            if random.random() < 0.03:
                story.did(worker.name, "token.create", at=moment(), object_label="laptop", **session)
            if random.random() < 0.3:
                self.command_line(worker, moment())
            if random.random() < 0.02:
                story.did(worker.name, "account.prove", at=moment(), outcome="failed", **session)
        if worker.role == "release_manager" and random.random() < 0.15:
            self.alias(worker, moment(), f"v{random.randrange(40)}", **session)
        if worker.role == "administrator":
            if random.random() < 0.15:
                story.did(
                    worker.name, "user.create", at=moment(), object_type="user", object_id="new", **session
                )
                story.did(worker.name, "membership.grant", at=moment(), object_type="membership",
                          object_label="New as Viewer", changes={"role": [None, "viewer"], "user_id": [None, "new"]},
                          **session)  # fmt: skip
            if random.random() < 0.05:
                story.did(worker.name, "user.update", at=moment(), object_type="user", object_id="x",
                          changes={"email": ["", "x@example.org"]}, **session)  # fmt: skip

    def command_line(self, worker: Worker, at: datetime) -> None:
        where = self.where(worker)
        for number in range(self.random.randrange(2, 12)):
            self.story.did(worker.name, "version.view", at=at + timedelta(seconds=3 * number), address=where,
                           user_agent=TOOL, token_id=id_of(worker.tool_token), door="api", object_type="modelversion",
                           object_id=str(number))  # fmt: skip

    def alias(self, worker: Worker, at: datetime, version: str, **session: Any) -> None:
        self.story.did(worker.name, "model.alias", at=at, object_type="modelalias", object_id="a",
                       object_label=self.random.choice(["champion", "candidate"]), changes={"version_id": [None, version]},
                       **session)  # fmt: skip

    def build_server(self, day: datetime) -> None:
        """A token that works at all hours from one place."""
        for hour in range(24):
            at = day + timedelta(hours=hour, minutes=self.random.randrange(60))
            how = {"address": "192.0.2.44", "user_agent": PYTHON, "token_id": id_of("ci"), "door": "api"}
            for number in range(self.random.randrange(1, 4)):
                self.story.did("ci", "version.view", at=at + timedelta(seconds=number), object_type="modelversion",
                               object_id=str(self.random.randrange(20)), **how)  # fmt: skip
            if self.random.random() < 0.2:
                self.story.did("ci", "artifact.download", at=at, object_type="artifact",
                               object_id=f"ci {self.random.randrange(8)}", **how)  # fmt: skip

    def release(self, day: datetime) -> None:
        for name, count in (("ines", self.random.randrange(22, 42)), ("edda", self.random.randrange(4, 14))):
            worker = next(one for one in self.people if one.name == name)
            for number in range(count):
                self.fetch(worker, day + timedelta(hours=9, minutes=8 * number), address=f"{OFFICE}.3",
                           user_agent=worker.devices[0])  # fmt: skip

    # What is odd and not bad; each has its own chance in the fortnight.

    def oddities(self) -> None:
        random = self.random

        def someone(*roles: str) -> Worker:
            return random.choice([one for one in self.people if not roles or one.role in roles])

        def workday(hour: float) -> datetime:
            days = [day for day in range(FORTNIGHT_DAYS) if (JUDGED_FROM + timedelta(days=day)).weekday() < 5]
            return JUDGED_FROM + timedelta(days=random.choice(days), hours=hour, minutes=random.randrange(50))

        traveller = someone("engineer", "owner")
        begin = workday(traveller.begins)
        for night in range(3):  # a hotel, with the laptop they always have
            self.sign_in(traveller, begin + timedelta(days=night), "151.70.4.20", traveller.devices[0])
        renewed = someone()  # a new laptop, set up at home
        self.story.signed_in(
            renewed.name, at=workday(renewed.begins + 1), address=renewed.home, user_agent=EDGE + " new"
        )
        lost = someone("engineer")  # a lost telephone
        at = workday(lost.begins + 2)
        self.story.did("mona", "user.reset", at=at, object_type="user", object_id=str(id_of(lost.name)),
                       object_label=lost.name, address=f"{OFFICE}.2")  # fmt: skip
        self.story.did(lost.name, "mfa.enrol", at=at + timedelta(minutes=20), address=lost.home)
        if random.random() < 0.5:
            self.story.did(lost.name, "token.create", at=at + timedelta(hours=2), address=lost.home)
        if random.random() < 0.4:  # a new machine is filled
            worker = someone("engineer")
            for number in range(random.randrange(15, 36)):
                self.fetch(
                    worker, workday(0).replace(hour=12) + timedelta(minutes=number), address=worker.home
                )
        if random.random() < 0.4:  # a script lists everything once
            worker, at = someone("engineer"), workday(worker_hour(random))
            for number in range(random.randrange(50, 150)):
                self.story.did(worker.name, "version.view", at=at + timedelta(seconds=2 * number), address=worker.home,
                               user_agent=TOOL, token_id=id_of(worker.tool_token), door="api",
                               object_type="modelversion", object_id=f"{number}")  # fmt: skip
        if random.random() < 0.3:  # an emergency at night
            worker = someone("release_manager", "owner")
            self.alias(
                worker,
                workday(random.choice([22, 23, 1])),
                "v1",
                address=worker.home,
                user_agent=worker.devices[0],
            )
        if random.random() < 0.3:
            self.story.did("mona", "security.update", at=workday(10), address=f"{OFFICE}.2")
        if random.random() < 0.15:  # a new laptop on a journey: both signs at once
            worker = someone()
            self.story.signed_in(
                worker.name, at=workday(worker.begins), address="151.71.9.9", user_agent=CHROME + " new"
            )
        if random.random() < 0.15:  # a second administrator
            self.story.did("mona", "user.update", at=workday(9), object_type="user", object_id=str(id_of("ada")),
                           object_label="ada", changes={"is_administrator": [False, True]}, address=f"{OFFICE}.2")  # fmt: skip
        if random.random() < 0.3:  # an old password in a program that tries it again and again
            worker, at = someone(), workday(11)
            for number in range(random.randrange(6, 20)):
                self.story.failed_sign_in(
                    worker.name, at=at + timedelta(minutes=4 * number), address=worker.home
                )


def worker_hour(random: Random) -> float:
    return random.uniform(10, 15)

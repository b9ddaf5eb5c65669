"""Sealing finds everything, once, whatever dies; and writers do not wait for it or for each other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployhub.audit.models import AuditEvent, AuditLeaf, AuditSealer
from deployhub.audit.services.sealer import DEEP_EVERY, log_seal
from deployhub.kernel.clock import utc_now
from tests.architecture.tree import ROOT
from tests.servers import postgres_serve


@pytest.mark.django_db(transaction=True)
def test_promise_11_an_event_that_commits_late_is_sealed_all_the_same(
    happened: Any, verified: Any, attacker: Any
) -> None:
    """A neighbour's transaction took an id early and commits after later ids were sealed, even long after."""
    for long_after in (False, True):
        first = happened(1, sealed=False)[0]
        with attacker:  # stands for ids that were given out in another order than they commit
            attacker.sql("UPDATE audit_auditevent SET id = %s WHERE id = %s", first + 1000, first)
        log_seal()
        if long_after:
            AuditSealer.objects.update(low_water_id=first + 5000, searched_deep_at=utc_now())
        fresh, late = happened(1, sealed=False)[0], first
        with attacker:
            attacker.sql("UPDATE audit_auditevent SET id = %s WHERE id = %s", late, fresh)
        log_seal()
        if long_after:
            assert not AuditLeaf.objects.filter(event_id=late).exists(), (
                "the quick search does not look there"
            )
            AuditSealer.objects.update(searched_deep_at=utc_now() - DEEP_EVERY * 2)
            log_seal()
        assert AuditLeaf.objects.filter(event_id=late).exists()
        AuditSealer.objects.update(low_water_id=0)
    log_seal()
    assert AuditLeaf.objects.count() == AuditEvent.objects.count()
    assert verified().holds


@pytest.mark.django_db
def test_a_second_sealer_finds_nothing_left_to_do(happened: Any) -> None:
    happened(5)
    assert log_seal() == 0
    assert AuditLeaf.objects.count() == AuditEvent.objects.count()


class Load:
    """Real processes on a PostgreSQL of their own."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.environment = {
            **os.environ, "DATABASE_URL": url, "DEPLOYHUB_HOME": str(home), "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "deployhub.config.settings", "DEPLOYHUB_AUDIT_WITNESS_FILE": str(home / "copies"),
        }  # fmt: skip
        self.running: list[subprocess.Popen[str]] = []
        self.manage("migrate", "-v0")

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def start(self, *words: object) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.audit.load", *map(str, words)], cwd=ROOT, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.running.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    def go(self, *children: subprocess.Popen[str]) -> None:
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()

    def result(self, child: subprocess.Popen[str]) -> tuple[int, float]:
        assert child.stdout is not None
        kept, seconds = child.stdout.readline().split()
        child.wait()
        return int(kept), float(seconds)

    def one(self, statement: str) -> Any:
        with psycopg.connect(self.url) as link:
            return link.execute(statement.encode()).fetchone()

    def sealed_wholly(self, written: int) -> None:
        """Every written event has exactly one leaf, without a gap, and the whole verifies."""
        deadline = time.monotonic() + 120
        missing = "SELECT count(*) FROM audit_auditevent e LEFT JOIN audit_auditleaf l ON l.event_id = e.id WHERE l IS NULL"
        while self.one(missing)[0] and time.monotonic() < deadline:
            time.sleep(0.2)
        assert self.one(missing) == (0,)
        assert self.one("SELECT count(*) FROM audit_auditevent WHERE action = 'load.write'") == (written,)
        leaves, distinct, top = self.one(
            "SELECT count(*), count(DISTINCT event_id), max(position) FROM audit_auditleaf"
        )
        assert leaves == distinct == top + 1 == self.one("SELECT count(*) FROM audit_auditevent")[0]
        done = self.manage("audit_verify")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    with postgres_serve() as url:
        made = Load(url, tmp_path / "home")
        yield made
        for child in made.running:
            with contextlib.suppress(OSError):
                child.kill()
            child.communicate()


@pytest.mark.slow
def test_promise_11_what_six_writers_commit_is_sealed_once_though_the_sealer_is_killed_twenty_times(
    load: Load,
) -> None:
    writers = [load.start("writer", seed, 1_500, 8) for seed in range(6)]
    load.go(*writers)
    for _ in range(20):
        one, other = load.start("sealer"), load.start("sealer")  # doubled, too: the lease lets one act
        time.sleep(0.15)
        one.kill()
        other.kill()
    last = load.start("sealer")
    written = sum(load.result(writer)[0] for writer in writers)
    load.sealed_wholly(written)
    last.kill()


@pytest.mark.slow
def test_promise_11_of_160000_events_by_16_writers_none_is_missing_and_none_is_sealed_twice(
    load: Load,
) -> None:
    writers = [load.start("writer", seed, 10_000, 0) for seed in range(16)]
    sealers = [load.start("sealer"), load.start("sealer")]
    load.go(*writers)
    written = sum(load.result(writer)[0] for writer in writers)
    assert written > 140_000  # a tenth was rolled back
    load.sealed_wholly(written)
    for sealer in sealers:
        sealer.kill()


@pytest.mark.slow
def test_promise_12_writers_are_hardly_slower_than_with_plain_inserts(load: Load) -> None:
    """Eight clients whose transactions stay open for up to 20 ms, as a request's does. A lock on the log would let
    them commit one after the other: an eighth of the rate."""

    def rate(kind: str) -> float:
        writers = [load.start(kind, seed, 300, 20) for seed in range(8)]
        load.go(*writers)
        return sum(300 / load.result(writer)[1] for writer in writers)

    plain = [rate("plain")]
    sealer = load.start("sealer", 1.0)
    sealed = [rate("writer"), rate("writer")]
    sealer.kill()
    plain.append(rate("plain"))
    assert max(sealed) >= 0.8 * max(plain), (sealed, plain)

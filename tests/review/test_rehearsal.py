"""Promise 29 as a whole: attacks hidden in a team's fortnight are found, and nobody is called for nothing too often."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.review.rules import RULES
from tests.review.rehearsal import measure
from tests.review.rehearsal.attacks import KINDS

FALSE_ALARMS_A_WEEK_MAX = 2.0


def test_promise_29_a_rehearsed_fortnight_shows_its_attacks_and_little_else() -> None:
    outcomes = [measure.rehearse(seed) for seed in measure.REPORTED_SEEDS[:3]]
    found = sum(bool(rules) for outcome in outcomes for rules in outcome.found.values())
    assert found == len(KINDS) * len(outcomes)
    weeks = len(outcomes) * measure.FORTNIGHT_DAYS / 7
    assert sum(len(outcome.false_alarms) for outcome in outcomes) / weeks <= FALSE_ALARMS_A_WEEK_MAX


def test_promise_29_without_its_rule_an_attack_goes_unseen(monkeypatch: Any) -> None:
    """The rehearsal would notice if a rule stopped working."""
    left = {key: rule for key, rule in RULES.items() if key != "refusal_burst"}
    monkeypatch.setattr(measure, "RULES", left)
    assert measure.rehearse(measure.REPORTED_SEEDS[0]).found["feeling one's way through ids"] == set()


def test_thresholds_are_never_tuned_on_the_seeds_that_are_reported() -> None:
    assert not set(measure.TUNING_SEEDS) & set(measure.REPORTED_SEEDS)


@pytest.mark.slow
def test_promise_29_the_table_of_the_security_page_is_what_the_rehearsal_gives() -> None:
    text = measure.PAGE.read_text()
    assert measure.page_with(text, measure.report(measure.REPORTED_SEEDS)) == text


def test_the_security_page_holds_the_table_of_these_seeds() -> None:
    table = measure.PAGE.read_text().split(measure.BEGIN_MARK)[1].split(measure.END_MARK)[0]
    for kind in KINDS:
        assert f"| {kind} | " in table
    assert f"of {len(measure.REPORTED_SEEDS) * len(KINDS)} attacks" in table

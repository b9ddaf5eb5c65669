"""Judge rehearsed fortnights, and count: which attacks were found, and how often somebody was called for nothing.

`python -m tests.review.rehearsal.measure` writes the table of docs/security.md; with `--tuning` it prints the seeds
on which thresholds may be tried, which are never the ones that are reported.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from deployhub.review.rules import RULES
from deployhub.review.watch.baseline import Baseline
from deployhub.review.watch.events import Event, Timeline
from deployhub.review.watch.rule import Surroundings
from tests.review.rehearsal.attacks import KINDS, Attacker
from tests.review.rehearsal.team import FORTNIGHT_DAYS, JUDGED_FROM, Fortnight
from tests.review.story import id_of

TUNING_SEEDS = (*range(1, 17), *range(101, 117))
REPORTED_SEEDS = tuple(range(7001, 7041))
PAGE = Path(__file__).resolve().parents[3] / "docs" / "security.md"
BEGIN_MARK, END_MARK = "<!-- rehearsal: begin -->", "<!-- rehearsal: end -->"


@dataclass
class Found:
    """One finding, as the queue would show it: hits of one subject within the rule's time are one."""

    rule: str
    last_at: datetime
    event_ids: set[int]


@dataclass
class Outcome:
    events: int
    found: dict[str, set[str]]
    """Attack → the rules that fired on it."""
    false_alarms: list[str]


def judge(events: list[Event]) -> list[Found]:
    """What the rules find in the fortnight, with the weeks before as what is usual."""
    order = sorted(events, key=lambda event: (event.at, event.id))
    people: dict[UUID, Baseline] = {}
    around = Surroundings(Timeline(order), people, maker_of={"ada's own": id_of("ada")}.get)
    rules = [(rule, rule.limits()) for rule in RULES.values()]
    findings: list[Found] = []
    latest: dict[tuple[str, str], Found] = {}
    for event in order:
        if event.at >= JUDGED_FROM:
            for rule, limits in rules:
                hit = rule.judge(event, around, limits)
                if hit is None:
                    continue
                ids = {one.id for one in hit.events}
                known = latest.get((rule.key, hit.subject))
                if known is not None and hit.first_at - rule.same_within <= known.last_at:
                    known.event_ids |= ids
                    known.last_at = max(known.last_at, hit.last_at)
                    continue
                latest[rule.key, hit.subject] = known = Found(rule.key, hit.last_at, ids)
                findings.append(known)
        if event.person_id is not None:
            people.setdefault(event.person_id, Baseline()).learn(event)
    return findings


def rehearse(seed: int, *, attacked: bool = True) -> Outcome:
    fortnight = Fortnight(seed)
    attacks = Attacker(fortnight, seed).attacks if attacked else []
    findings = judge(fortnight.story.events)
    bad = {event.id: attack.kind for attack in attacks for event in attack.events}
    found: dict[str, set[str]] = {attack.kind: set() for attack in attacks}
    for finding in findings:
        for kind in {bad[one] for one in finding.event_ids if one in bad}:
            found[kind].add(finding.rule)
    false = [finding.rule for finding in findings if not finding.event_ids & set(bad)]
    return Outcome(len(fortnight.story.events), found, false)


def report(seeds: tuple[int, ...]) -> str:
    """The table, in Markdown."""
    outcomes = [rehearse(seed) for seed in seeds]
    lines = ["| Attack | Found | By |", "| --- | --- | --- |"]
    for kind in KINDS:
        hits = [outcome.found[kind] for outcome in outcomes]
        by = Counter(rule for rules in hits for rule in rules)
        names = ", ".join(f"`{rule}`" for rule, count in by.most_common(3) if count * 4 >= len(seeds))
        lines.append(
            f"| {kind} | {sum(bool(rules) for rules in hits)} of {len(seeds)} | {names or 'no rule'} |"
        )
    all_found = sum(bool(rules) for outcome in outcomes for rules in outcome.found.values())
    weeks = len(seeds) * FORTNIGHT_DAYS / 7
    false = Counter(rule for outcome in outcomes for rule in outcome.false_alarms)
    by_week = sum(false.values()) / weeks
    worst = max(len(outcome.false_alarms) for outcome in outcomes) / (FORTNIGHT_DAYS / 7)
    why = ", ".join(f"`{rule}` {count}" for rule, count in false.most_common())
    lines += [
        "",
        f"Recall: {all_found} of {len(seeds) * len(KINDS)} attacks. False alarms: {by_week:.2f} a week on average, "
        f"{worst:.1f} in the worst fortnight; over {weeks:.0f} weeks: {why or 'none'}.",
    ]
    return "\n".join(lines)


def page_with(text: str, table: str) -> str:
    """The page with the table between its marks."""
    head, rest = text.split(BEGIN_MARK)
    return f"{head}{BEGIN_MARK}\n{table}\n{END_MARK}{rest.split(END_MARK)[1]}"


def main() -> None:
    if "--tuning" in sys.argv:
        print(report(TUNING_SEEDS))
        return
    PAGE.write_text(page_with(PAGE.read_text(), report(REPORTED_SEEDS)))


if __name__ == "__main__":
    main()

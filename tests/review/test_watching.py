"""The duty judges each committed event once, in whatever order events come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.kernel.clock import utc_now
from deployhub.review.models import Finding, JudgedEvent, PersonBaseline, WatchMark
from deployhub.review.rules import RULES
from deployhub.review.selectors.events import event_id_at
from deployhub.review.services.tuning import rule_mute, rule_tune
from deployhub.review.services.watching import events_judge
from deployhub.review.watch.baseline import Baseline

pytestmark = pytest.mark.django_db


def _of(rule: str) -> list[Finding]:
    return list(Finding.objects.filter(rule=rule).order_by("pk"))


def test_promise_29_a_mass_download_in_the_log_becomes_one_finding_with_its_events(
    engineer: Any, logged: Any
) -> None:
    logged(engineer, "artifact.download", 35, operation="read")
    events_judge()
    (finding,) = _of("mass_download")
    assert finding.state == "open"
    assert finding.person_id == engineer.pk
    assert finding.event_count == 35
    assert finding.thresholds["floor"] == 30
    made = AuditEvent.objects.get(action="finding.open", operation="create", object_id=str(finding.pk))
    assert made.actor_kind == "system"


def test_judging_again_finds_nothing_twice(engineer: Any, logged: Any) -> None:
    logged(engineer, "artifact.download", 35, operation="read")
    events_judge()
    first = events_judge()
    assert first["findings"] == 0
    assert events_judge()["events"] == 0
    assert len(_of("mass_download")) == 1


def test_a_finding_that_goes_on_grows(engineer: Any, logged: Any) -> None:
    logged(engineer, "artifact.download", 35, operation="read", minutes_ago=10)
    events_judge()
    logged(engineer, "artifact.download", 5, operation="read", object_type="modelversion")
    events_judge()
    (finding,) = _of("mass_download")
    assert finding.event_count == 40
    assert finding.numbers["files"] == 40


def test_an_event_with_an_earlier_id_that_commits_late_is_judged_too(engineer: Any, logged: Any) -> None:
    """A watermark on ids would have passed over it, and over what it means for the events behind it."""
    first = logged(engineer, "artifact.download", 1, operation="read", minutes_ago=5)[0]
    base = first.pk + 1_000  # beyond what the database numbers by itself meanwhile
    AuditEvent.objects.bulk_create(
        AuditEvent(
            id=base + number, at=first.at + timedelta(seconds=number), action="artifact.download", operation="read",
            actor_kind="user", actor_id=engineer.pk, actor_name="Engineer", door="browser", object_type="artifact",
            object_id=f"further {number}",
        )
        for number in range(1, 18) if number != 7
    )  # fmt: skip
    events_judge()
    assert _of("mass_download") == []
    AuditEvent.objects.bulk_create([
        AuditEvent(
            id=base + 7, at=first.at + timedelta(seconds=7), action="artifact.download", operation="read",
            actor_kind="user", actor_id=engineer.pk, actor_name="Engineer", door="browser", object_type="artifact",
            object_id="late",
        )
    ])  # fmt: skip
    events_judge()
    assert len(_of("mass_download")) == 1


def test_what_is_settled_is_forgotten_and_not_judged_again(engineer: Any, logged: Any) -> None:
    old = logged(engineer, "artifact.download", 35, operation="read", minutes_ago=90)
    new = logged(engineer, "model.view", 2, operation="read")
    events_judge()
    mark = WatchMark.objects.get()
    assert old[-1].pk <= mark.settled_id < new[0].pk
    assert not JudgedEvent.objects.filter(event_id__lte=mark.settled_id).exists()
    assert JudgedEvent.objects.filter(event_id=new[0].pk).exists()
    assert len(_of("mass_download")) == 1


def test_the_baseline_of_a_person_is_counted_once_and_kept(engineer: Any, logged: Any) -> None:
    logged(engineer, "artifact.download", 3, operation="read")
    logged(engineer, "version.view", 4, operation="read")
    logged(engineer, "version.view", 9, operation="read", outcome="denied")
    events_judge()
    events_judge()
    kept = Baseline.from_json(PersonBaseline.objects.get(person_id=engineer.pk).content)
    (day,) = kept.days.values()
    assert (day.downloads, day.reads) == (3, 4)
    assert list(kept.networks) == ["198.51.0.0/16"]


def test_what_a_muted_rule_finds_is_kept_aside_and_the_mute_ends_by_itself(
    engineer: Any, administrator: Any, logged: Any, acting: Any, monkeypatch: Any
) -> None:
    rule_mute(actor=acting(administrator), rule=RULES["mass_download"], days=2, reason="a planned move")
    logged(engineer, "artifact.download", 35, operation="read")
    events_judge()
    assert [finding.state for finding in _of("mass_download")] == ["muted"]
    monkeypatch.setattr("deployhub.review.models.oversight.utc_now", lambda: utc_now() + timedelta(days=3))
    logged(engineer, "artifact.download", 36, operation="read", object_type="dataset")
    events_judge()
    assert [finding.state for finding in _of("mass_download")] == ["muted", "open"]


def test_a_tuned_threshold_holds_from_then_on(engineer: Any, auditor: Any, logged: Any, acting: Any) -> None:
    rule_tune(
        actor=acting(auditor), rule=RULES["mass_download"], thresholds={"floor": 5}, reason="we are small"
    )
    logged(engineer, "artifact.download", 5, operation="read")
    events_judge()
    (finding,) = _of("mass_download")
    assert finding.thresholds["floor"] == 5


def test_who_mutes_or_tunes_a_rule_becomes_a_finding(auditor: Any, acting: Any) -> None:
    rule_mute(actor=acting(auditor), rule=RULES["mass_download"], days=2, reason="a planned move")
    events_judge()
    (finding,) = _of("oversight_touched")
    assert finding.person_id == auditor.pk
    assert "a planned move" in finding.told


def test_a_finding_that_was_signed_off_is_not_opened_by_the_same_events(
    engineer: Any, auditor: Any, logged: Any, acting: Any
) -> None:
    from deployhub.review.services.findings import finding_close

    logged(engineer, "artifact.download", 35, operation="read", minutes_ago=5)
    events_judge()
    finding_close(
        actor=acting(auditor), finding=_of("mass_download")[0], state="benign", reason="a new machine"
    )
    events_judge()
    assert len(_of("mass_download")) == 1
    logged(engineer, "artifact.download", 8, operation="read", object_type="dataset")
    events_judge()
    assert [finding.state for finding in _of("mass_download")] == ["benign", "open"]


def test_the_place_of_a_moment_in_the_log_is_found_by_halving(engineer: Any, logged: Any) -> None:
    logged(engineer, "model.view", 5, minutes_ago=600)
    recent = logged(engineer, "model.view", 5, minutes_ago=100)
    assert event_id_at(utc_now() - timedelta(minutes=150)) <= recent[0].pk
    assert event_id_at(utc_now() + timedelta(days=1)) == recent[-1].pk + 1


def test_the_maker_of_a_version_is_read_from_the_log(owner: Any, logged: Any) -> None:
    logged(owner, "version.create", operation="create", object_type="modelversion", minutes_ago=9000)
    events_judge()
    logged(owner, "model.alias", operation="create", object_type="modelalias", object_label="champion",
           changes={"version_id": [None, "0"]})  # fmt: skip
    events_judge()
    assert len(_of("own_approval")) == 1

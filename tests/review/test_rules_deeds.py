"""Each rule fires on its story, and not on one that nearly is it: rules about what people do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from deployhub.access import policy
from deployhub.access.vocab import STEP_UP_PERMISSIONS
from deployhub.audit.models import AuditEvent
from deployhub.kernel.errors import StepUpRequired
from deployhub.review.rules import RULES
from deployhub.review.watch.actions import DAILY, OVERSIGHT, PRIVILEGED
from tests.review.story import AWAY, MONDAY, Story, fired, id_of


def _downloads(story: Story, count: int, *, named: str = "a", **more: Any) -> Story:
    for number in range(count):
        story.later(minutes=1).did(
            "kim", "artifact.download", object_type="artifact", object_id=f"{named}{number}", **more
        )
    return story


@pytest.mark.parametrize(("things", "hits"), [(8, 1), (7, 0)])
def test_promise_29_a_burst_of_refusals_is_found(things: int, hits: int) -> None:
    story = Story()
    for number in range(things):
        story.later(seconds=20).did(
            "kim", "object.missing", outcome="denied", changes={"address": [None, f"/models/{number}/"]}
        )
    found = fired(story.events, "refusal_burst")
    assert len(found) == hits
    assert all("for 8 different things" in hit.told for hit in found)


def test_one_door_that_is_tried_again_and_again_is_no_burst() -> None:
    story = Story()
    for _ in range(80):
        story.later(seconds=1).did(
            "", "job.view", outcome="denied"
        )  # a page left open after its session ended
    assert fired(story.events, "refusal_burst") == []


def test_to_be_asked_for_a_fresh_factor_is_no_refusal(administrator: Any, acting: Callable[..., Any]) -> None:
    """In the words that the policy writes into the log."""
    for permission in sorted(STEP_UP_PERMISSIONS)[:4]:
        with pytest.raises(StepUpRequired):
            policy.require(acting(administrator, second_factor_at=None), permission)
    asked = AuditEvent.objects.filter(outcome="denied").values_list("reason", flat=True)
    assert len(asked) == 4
    story = Story()
    for number in range(20):
        story.did("kim", f"user.{number}", outcome="denied", reason=asked[0])
    assert fired(story.events, "refusal_burst") == []


def test_promise_29_a_mass_download_against_the_own_baseline_is_found() -> None:
    story = _downloads(Story(at=MONDAY - timedelta(days=3)), 5)
    story.at = MONDAY
    hits = fired(_downloads(story, 18).events, "mass_download")
    assert len(hits) == 1
    assert hits[0].numbers == {"files": 18, "most_in_a_day": 5, "fires_from": 18}


def test_promise_29_over_a_day_twice_the_own_most_is_a_mass_download() -> None:
    story = _downloads(Story(at=MONDAY - timedelta(days=3)), 17)
    for hour, named in enumerate("bc"):
        story.at = MONDAY + timedelta(hours=3 * hour)
        _downloads(story, 17, named=named)
    assert [hit.numbers["fires_from"] for hit in fired(story.events, "mass_download")] == [34]


def test_a_day_that_stood_out_does_not_ring_again_all_week() -> None:
    story = Story(at=MONDAY - timedelta(days=7)).days_of_work("kim", 5)
    story.at = MONDAY
    _downloads(story, 60)
    first = len(fired(story.events, "mass_download"))
    for day in (1, 2, 3):
        story.at = MONDAY + timedelta(days=day, hours=2)
        _downloads(story, 3)
    assert len(fired(story.events, "mass_download")) == first


def test_a_release_day_of_somebody_who_downloads_much_is_no_mass_download() -> None:
    story = _downloads(Story(at=MONDAY - timedelta(days=3)), 25)
    story.at = MONDAY
    for hour in range(3):
        story.at = MONDAY + timedelta(hours=2 * hour)
        _downloads(story, 16, named=f"{hour} ")
    assert [hit for hit in fired(story.events, "mass_download") if hit.last_at >= MONDAY] == []


@pytest.mark.parametrize(("each_day", "hits"), [(12, True), (6, False)])
def test_promise_29_a_little_each_day_is_found_against_the_weeks_before(each_day: int, hits: bool) -> None:
    story = Story()
    for day, count in enumerate([2, 3, 2, 1, 4] * 3 + [each_day] * 6):
        story.at = MONDAY + timedelta(days=day)
        _downloads(story, count)
    assert bool(fired(story.events, "mass_download")) is hits


def test_one_file_in_a_hundred_ranges_is_one_file() -> None:
    story = Story()
    for _ in range(100):
        story.later(seconds=1).did("kim", "artifact.download", object_type="artifact", object_id="a")
    assert fired(story.events, "mass_download") == []


def test_promise_29_the_absolute_cap_holds_whatever_is_usual() -> None:
    story = _downloads(Story(at=MONDAY - timedelta(days=3)), 150)
    story.at = MONDAY
    assert fired(_downloads(story, 200).events, "mass_download")[-1].numbers["fires_from"] == 200


@pytest.mark.parametrize(("things", "hits"), [(90, 1), (89, 0)])
def test_promise_29_mass_reading_is_found(things: int, hits: int) -> None:
    story = Story().days_of_work("kim", 5)
    for number in range(things):
        story.later(seconds=20).did("kim", "version.view", object_type="modelversion", object_id=f"v{number}")
    assert len(fired(story.events, "mass_read")) == hits


def test_promise_29_a_privileged_action_at_an_odd_hour_is_found() -> None:
    story = Story().days_of_work("kim", 8)
    story.did("kim", "user.update", at=MONDAY.replace(hour=2), object_type="user", object_id="x")
    assert "at 02:00 UTC, 7 hours away" in fired(story.events, "odd_hours")[0].told


@pytest.mark.parametrize(
    ("action", "hour", "days", "more"),
    [
        ("model.view", 2, 8, {}),
        ("user.update", 18, 8, {}),
        ("user.update", 2, 4, {}),
        ("model.alias", 2, 8, {"token_id": id_of("ci")}),
    ],
    ids=["reading at night", "a long evening", "too few days known", "a nightly automation"],
)
def test_no_odd_hour(action: str, hour: int, days: int, more: dict[str, Any]) -> None:
    story = Story().days_of_work("kim", days)
    story.did("kim", action, at=MONDAY.replace(hour=hour), **more)
    assert fired(story.events, "odd_hours") == []


def test_for_who_works_at_night_the_night_is_not_odd() -> None:
    story = Story().days_of_work("kim", 8, hours=(21, 23, 1, 4))
    story.did("kim", "user.update", at=MONDAY.replace(hour=2))
    assert fired(story.events, "odd_hours") == []


def test_promise_29_rights_given_to_oneself_are_found() -> None:
    story = Story()
    changes = {"user_id": [None, str(id_of("kim"))], "role": [None, "owner"]}
    story.did(
        "kim", "membership.grant", object_type="membership", object_label="kim as Owner", changes=changes
    )
    story.did("kim", "membership.grant", object_type="membership", object_label="kim as Owner",
              changes={"role": ["viewer", "owner"]})  # fmt: skip
    assert len(fired(story.events, "privilege_used")) == 2


def _raised(story: Story) -> Story:
    story.did("lee", "user.update", object_type="user", object_id=str(id_of("kim")), object_label="kim",
              changes={"is_administrator": [False, True]})  # fmt: skip
    return story


def test_promise_29_a_role_that_is_used_at_once_is_found() -> None:
    story = _raised(Story())
    for name in "abc":
        story.later(minutes=2).did("kim", "user.reset", object_type="user", object_id=name)
    assert "raised by lee and used it 3 times" in fired(story.events, "privilege_used")[0].told


def test_a_new_administrator_who_begins_slowly_is_nothing() -> None:
    story = _raised(Story())
    for name in "abc":
        story.later(minutes=40).did("kim", "user.create", object_type="user", object_id=name)
    changes = {"user_id": [None, str(id_of("lou"))], "role": [None, "viewer"]}
    story.did(
        "kim", "membership.grant", object_type="membership", object_label="lou as Viewer", changes=changes
    )
    assert fired(story.events, "privilege_used") == []


@pytest.mark.parametrize("by", ["kim", "lee"])
def test_promise_29_a_lost_factor_and_then_a_token_is_found(by: str) -> None:
    story = Story()
    action = "mfa.remove" if by == "kim" else "user.reset"
    story.did(by, action, object_type="user", object_id=str(id_of("kim")))
    story.later(minutes=9).did("kim", "token.create", object_label="backup")
    assert "9 minutes later they made backup" in fired(story.events, "factor_lost_then_token")[0].told


def test_a_lost_phone_that_is_replaced_before_the_token_is_nothing() -> None:
    story = Story()
    story.did("lee", "user.reset", object_type="user", object_id=str(id_of("kim")))
    story.later(minutes=9).did("kim", "mfa.enrol")
    story.later(minutes=9).did("kim", "token.create")
    story.did("lee", "token.create")  # the administrator lost no factor
    assert fired(story.events, "factor_lost_then_token") == []


@pytest.mark.parametrize(("failures", "hits"), [(4, 1), (3, 0)])
def test_promise_29_step_up_that_fails_again_and_again_is_found(failures: int, hits: int) -> None:
    story = Story()
    for _ in range(failures):
        story.later(minutes=1).did("kim", "mfa.step_up", outcome="failed")
    story.later(minutes=1).did("kim", "mfa.step_up")
    assert len(fired(story.events, "step_up_failed")) == hits


def test_promise_29_access_to_a_sealed_artifact_is_found() -> None:
    story = Story()
    story.did("kim", "artifact.download", object_label="plain")
    assert fired(story.events, "sealed_access") == []
    story.did("kim", "artifact.unseal", object_label="pump detector")
    assert "pump detector" in fired(story.events, "sealed_access")[0].told


def _alias(story: Story, who: str, name: str = "champion") -> Story:
    story.did(who, "model.alias", object_type="modelalias", object_id="x", object_label=name,
              changes={"version_id": [None, "v1"]})  # fmt: skip
    return story


def test_promise_29_who_puts_the_own_version_into_use_is_found() -> None:
    makers = {"v1": id_of("kim")}
    assert len(fired(_alias(Story(), "kim").events, "own_approval", makers=makers)) == 1
    assert fired(_alias(Story(), "lee").events, "own_approval", makers=makers) == []
    assert fired(_alias(Story(), "kim", "try").events, "own_approval", makers=makers) == []
    every = {"aliases": ""}
    assert len(fired(_alias(Story(), "kim", "try").events, "own_approval", makers=makers, limits=every)) == 1


def test_promise_29_a_change_of_the_watch_itself_is_found() -> None:
    story = Story()
    story.did("kim", "rule.mute", object_label="mass_download", reason="an exercise")
    story.did("kim", "retention.update", outcome="denied")
    story.did("kim", "rule.view")
    assert [hit.told.split(":")[0] for hit in fired(story.events, "oversight_touched")] == [
        "kim did rule.mute on mass_download",
        "kim tried retention.update on the settings.",
    ]


def test_promise_29_a_quarantine_override_is_found() -> None:
    story = Story()
    story.did("kim", "version.inspect")
    assert fired(story.events, "quarantine_override") == []
    story.did("kim", "version.override", object_label="pump 3", reason="it is ours")
    assert "it is ours" in fired(story.events, "quarantine_override")[0].told


def test_what_deployhub_does_itself_is_nobodys_habit() -> None:
    story = Story().days_of_work("kim", 8)
    story.did("kim", "model.alias", at=MONDAY.replace(hour=2), door="worker", address=AWAY)
    assert fired(story.events, "odd_hours") == []


def test_every_rule_says_what_it_means_and_what_to_do() -> None:
    for key, rule in RULES.items():
        assert rule.key == key
        for words in (rule.label, rule.looks_for, rule.means, rule.advice):
            assert words, key


def test_what_asks_for_a_fresh_factor_is_privileged_for_the_rules_too() -> None:
    """A permission that others add and forget here would go unwatched at night."""
    assert {code for code in STEP_UP_PERMISSIONS if code not in PRIVILEGED} == DAILY & STEP_UP_PERMISSIONS
    assert "security.update" in OVERSIGHT
    assert "rule.view" not in OVERSIGHT

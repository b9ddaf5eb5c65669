"""Finding events again: every filter, the numbers beside the rows, and what stands against bad input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import event_record, events_write
from deployhub.audit.selectors import search
from deployhub.kernel.clock import utc_now
from deployhub.review.filters import AuditEventFilter
from deployhub.review.selectors.conditions import action_group
from deployhub.review.selectors.summary import events_timeline
from deployhub.review.vocab import ActionGroup

pytestmark = pytest.mark.django_db


@pytest.fixture
def happen() -> Any:
    """Something that happened: `happen("model.view", actor_name="Kim", address="10.3.0.9")`; returns its id."""

    def write(action: str, **columns: Any) -> int:
        columns = {
            "operation": "read", "outcome": "success", "actor_kind": "user", "actor_name": "Kim", "door": "api",
            **columns,
        }  # fmt: skip
        events_write([AuditEvent(action=action, **columns)])
        return AuditEvent.objects.order_by("-id").values_list("pk", flat=True)[0]

    return write


def found(**query: Any) -> set[int]:
    filterset = AuditEventFilter(query, queryset=AuditEvent.objects.order_by("-at", "-id"))
    assert filterset.is_valid(), filterset.errors
    return set(filterset.qs.values_list("pk", flat=True))


def test_words_are_found_in_actor_action_object_address_and_reason_whatever_their_case(happen):
    by_actor = happen("model.view", actor_name="Katherine Johnson")
    by_object = happen("model.view", object_label="Helmet katherine v2")
    by_reason = happen("hold.place", reason="Asked for by KATHERINE")
    by_address = happen("model.view", address="10.77.1.2")
    assert found(q="katherine") == {by_actor, by_object, by_reason}
    assert found(q="HOLD.PLACE") == {by_reason}
    assert found(q="10.77.1.2") == found(q="10.77.1.") == {by_address}
    assert found(q="100%") == found(q="k_therine") == set(), "what people type are no wildcards"


def test_an_id_is_found_as_whatever_it_is(happen):
    person, project, token, thing, request = (uuid4() for _ in range(5))
    one = happen("model.view", actor_id=person, project_id=project, object_id=str(thing))
    other = happen("model.view", token_id=token, request_id=request.hex)
    for known in (person, project, thing):
        assert found(q=str(known)) == {one}
    assert found(q=str(token)) == found(q=request.hex) == {other}
    assert found(q=str(uuid4())) == set()


def test_a_network_is_found_by_its_addresses(happen):
    inside = [happen("model.view", address=address) for address in ("10.4.0.1", "10.7.255.9")]
    outside = happen("model.view", address="10.8.0.1")
    six = happen("model.view", address="2001:db8:7::1")
    assert found(address="10.4.0.0/14") == set(inside)
    assert found(address="10.8.0.0/30") == found(address="10.8.0.1") == {outside}
    assert found(address="2001:db8::/32") == {six}


@pytest.mark.parametrize("address", ["10.4", "0.0.0.0/1", "10.0.0.0/40", "2001:db8::/33", "somewhere"])
def test_what_is_no_network_is_refused_in_words(address, auditor, api, browser):
    answer = api(auditor).get("/api/v1/audit-events/", {"address": address})
    assert answer.status_code == 400
    assert answer.json()["errors"]["address"][0].startswith("Give ")
    assert browser(auditor).get("/audit/", {"address": address}).status_code == 400
    assert browser(auditor).get("/audit/summary/", {"address": address}).status_code == 400


def test_every_action_is_in_one_group_and_a_refusal_is_a_refusal(happen):
    read, sign_in = happen("model.view"), happen("account.sign_in")
    denied = happen("model.view", outcome="denied")
    unknown = happen("something.new")
    assert found(group="reads") == {read}
    assert found(group="sign-ins") == {sign_in}
    assert found(group="refusals") == {denied}
    assert found(group="changes") == {unknown}
    assert set().union(*(found(group=group) for group in ActionGroup.values)) == {
        read,
        sign_in,
        denied,
        unknown,
    }
    assert action_group("audit.view") == ActionGroup.DOWNLOADS
    assert action_group("retention.prune") == ActionGroup.OVERSIGHT


def test_time_is_narrowed_from_to_and_by_presets(happen):
    now = utc_now()
    old, recent = (
        happen("model.view", at=now - timedelta(days=40)),
        happen("model.view", at=now - timedelta(hours=2)),
    )
    assert found(last="24h") == {recent}
    assert found(last="90d") == {old, recent}
    assert found(
        since=(now - timedelta(days=41)).isoformat(), until=(now - timedelta(days=39)).isoformat()
    ) == {old}


def test_events_that_were_written_late_stand_where_they_happened(happen, auditor, api):
    """The order is that of time; the pages go on where the last one ended."""
    now = utc_now()
    ids = [happen("model.view", at=now - timedelta(minutes=minutes)) for minutes in (5, 1, 9, 3, 7)]
    client, rows, address = api(auditor), [], "/api/v1/audit-events/?action=model.view&limit=2"
    while address:
        answer = client.get(address).json()
        rows += [row["id"] for row in answer["results"]]
        address = answer["next"]
    assert rows == [ids[at] for at in (1, 3, 0, 4, 2)]


def test_the_numbers_beside_the_rows_are_those_of_the_rows(happen, auditor, api, browser):
    at = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
    for outcome in ("success", "success", "denied", "failed"):
        happen("model.update", at=at, outcome=outcome, object_type="model")
    query = {"action": "model.update", "since": "2026-03-03T00:00:00Z", "until": "2026-03-06T00:00:00Z"}
    told = api(auditor).get("/api/v1/audit-events/summary/", query).json()
    assert (told["count"], told["capped"]) == (4, False)
    outcomes = next(facet for facet in told["facets"] if facet["name"] == "outcome")["values"]
    assert {value["value"]: value["count"] for value in outcomes} == {"success": 2, "denied": 1, "failed": 1}
    timeline = told["timeline"]
    assert (timeline["step"], len(timeline["at"])) == ("hour", 72)
    hour = timeline["at"].index("2026-03-04T10:00:00Z")
    assert (timeline["success"][hour], timeline["failed"][hour], timeline["denied"][hour]) == (2, 1, 1)
    assert sum(timeline["success"]) == 2
    page = browser(auditor).get("/audit/summary/", query)
    assert "4 events" in page.content.decode()


def test_counting_ends_at_the_cap_and_says_so(happen, monkeypatch, auditor, api, browser):
    monkeypatch.setattr("deployhub.review.selectors.summary.FACET_CAP", 3)
    for _ in range(5):
        happen("model.create")
    told = api(auditor).get("/api/v1/audit-events/summary/", {"action": "model.create"}).json()
    assert (told["count"], told["capped"]) == (3, True)
    assert (
        "More than 10,000 events"
        in browser(auditor).get("/audit/summary/", {"action": "model.create"}).content.decode()
    )


def test_bars_that_leave_old_events_out_say_from_when_they_count(happen, monkeypatch):
    monkeypatch.setattr("deployhub.review.selectors.summary.TIMELINE_CAP", 2)
    now = utc_now()
    for minutes in (50, 40, 30, 20):
        happen("model.create", at=now - timedelta(minutes=minutes))
    timeline = events_timeline(
        AuditEvent.objects.order_by("-at", "-id"), since=now - timedelta(hours=1), until=None
    )
    assert (timeline.step, sum(timeline.success)) == ("minute", 2)
    assert timeline.covers_from is not None


def test_without_an_index_only_the_newest_events_are_searched_for_words(happen, monkeypatch):
    monkeypatch.setattr(search, "NEWEST_SEARCHED", 2)
    monkeypatch.setattr(search, "text_indexed", lambda text: False)
    now = utc_now()
    ids = [happen("model.create", at=now - timedelta(minutes=minutes)) for minutes in (1, 2, 3, 4, 5)]
    assert found(q="model.create") == set(ids[:3])


def test_looking_at_the_log_is_in_the_log(auditor, acting, browser):
    event_record(acting(auditor), "model.view")
    browser(auditor).get("/audit/?q=helmet")
    browser(auditor).get("/audit/summary/?q=helmet")
    facts = list(
        AuditEvent.objects.filter(action="audit.view").order_by("id").values_list("changes", flat=True)
    )
    assert facts == [{"query": [None, "q=helmet"]}, {"counts of": [None, "q=helmet"]}]

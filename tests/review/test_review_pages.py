"""The pages and the API of the review, through their doors."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.review.models import Finding
from deployhub.review.services.watching import events_judge

pytestmark = pytest.mark.django_db


def test_reading_a_finding_is_in_the_log_at_both_doors(
    auditor: Any, finding: Finding, browser: Any, api: Any
) -> None:
    browser(auditor).get(f"/findings/{finding.pk}/")
    api(auditor).get(f"/api/v1/findings/{finding.pk}/")
    read = AuditEvent.objects.filter(action="finding.view", object_id=str(finding.pk), actor_id=auditor.pk)
    assert [event.door for event in read] == ["api", "browser"]


def test_a_finding_says_why_it_fired_and_what_is_usual(auditor: Any, finding: Finding, browser: Any) -> None:
    page = browser(auditor).get(f"/findings/{finding.pk}/").content.decode()
    assert "Engineer downloaded 40 different files within 24 hours." in page
    assert "08–11, 13–14" in page
    assert f"event {finding.event_ids[0]}" in page


def test_a_finding_is_worked_on_at_its_page(auditor: Any, finding: Finding, browser: Any) -> None:
    door, at = browser(auditor), f"/findings/{finding.pk}/"
    assert door.post(f"{at}assign/", {"owner": "auditor"}).status_code == 302
    assert door.post(f"{at}comment/", {"text": "asked them"}).status_code == 302
    assert door.post(f"{at}close/", {"state": "benign", "reason": ""}).status_code == 422
    assert door.post(f"{at}close/", {"state": "benign", "reason": "a new machine"}).status_code == 302
    again = door.post(f"{at}close/", {"state": "benign", "reason": "a new machine"})
    assert again.status_code == 409
    assert "signed off already" in again.content.decode()
    assert door.post(f"{at}reopen/", {"reason": "it was none"}).status_code == 302
    finding.refresh_from_db()
    assert (finding.state, finding.owner) == ("open", auditor)


def test_the_page_does_not_offer_to_sign_off_what_is_about_oneself(
    person: Any, finding: Finding, browser: Any
) -> None:
    from deployhub.audit.scope import system_scope

    me = person("me", is_auditor=True)
    with system_scope("test finding"):
        Finding.objects.filter(pk=finding.pk).update(person_id=me.pk)
    page = browser(me).get(f"/findings/{finding.pk}/").content.decode()
    assert "This finding is about you" in page
    assert f"/findings/{finding.pk}/close/" not in page
    refused = browser(me).post(f"/findings/{finding.pk}/close/", {"state": "benign", "reason": "only me"})
    assert refused.status_code == 403


def test_the_queue_is_filtered_alike_at_both_doors(
    auditor: Any, finding: Finding, browser: Any, api: Any
) -> None:
    for query, found in (
        ("state=open&rule=mass_download", 1),
        ("severity=low", 0),
        ("owner=none", 1),
        ("q=40 diff", 1),
    ):
        page = browser(auditor).get(f"/findings/?{query}").content.decode()
        assert page.count(f"/findings/{finding.pk}/") == found, query
        assert len(api(auditor).get(f"/api/v1/findings/?{query}").json()["results"]) == found, query
    assert browser(auditor).get("/findings/?severity=grave").status_code == 400


def test_the_navigation_counts_what_is_open(auditor: Any, finding: Finding, browser: Any) -> None:
    assert (
        '<span>Review</span><span class="count">1</span>' in browser(auditor).get("/audit/").content.decode()
    )


def test_a_rule_is_tuned_and_muted_at_its_page(auditor: Any, browser: Any) -> None:
    door = browser(auditor)
    limits = {
        "times": 3,
        "week_times": 3,
        "week_floor": 60,
        "hour_floor": 18,
        "cap": 200,
        "reason": "we are small",
    }
    wrong = door.post("/rules/mass_download/", {**limits, "floor": 0})
    assert wrong.status_code == 422
    door.post("/rules/mass_download/", {**limits, "floor": 7})
    assert door.post("/rules/mass_download/mute/", {"days": 400, "reason": "an exercise"}).status_code == 422
    door.post("/rules/mass_download/mute/", {"days": 4, "reason": "an exercise"})
    page = door.get("/rules/mass_download/").content.decode()
    assert 'value="7"' in page
    assert "Muted until" in page
    assert "(tuned)" in door.get("/rules/").content.decode()
    assert door.post("/rules/mass_download/unmute/").status_code == 302


def test_the_api_does_all_that_the_pages_do(auditor: Any, finding: Finding, browser: Any) -> None:
    client, at = browser(auditor), f"/api/v1/findings/{finding.pk}"

    def send(address: str, **body: Any) -> Any:
        return client.post(address, body, content_type="application/json")

    assert send(f"{at}/assign/", owner="auditor").json()["owner"] == "auditor"
    assert send(f"{at}/comment/", text="asked them").json()["comments"][0]["text"] == "asked them"
    assert send(f"{at}/link/", event_id=finding.event_ids[0]).status_code == 409
    assert send(f"{at}/close/", state="confirmed", reason="they told me").json()["state"] == "confirmed"
    assert send(f"{at}/reopen/", reason="a mistake").json()["state"] == "open"
    rule = client.patch("/api/v1/rules/mass_download/", {"thresholds": {"floor": 9}, "reason": "small"},
                        content_type="application/json").json()  # fmt: skip
    assert next(one for one in rule["thresholds"] if one["name"] == "floor")["value"] == 9
    assert send("/api/v1/rules/mass_download/mute/", days=3, reason="an exercise").json()["muted_until"]
    assert send("/api/v1/rules/mass_download/unmute/").json()["muted_until"] is None
    assert send("/api/v1/reviews/", note="all of them").status_code == 201
    assert client.get("/api/v1/reviews/").json()["results"][0]["open_findings"] == 1
    assert client.get("/api/v1/rules/nothing/").status_code == 404


def test_promise_29_who_feels_their_way_through_foreign_ids_is_found(
    viewer: Any, browser: Any, api: Any
) -> None:
    """Each answer is 404 and tells nothing; the log keeps that they asked, and the rule counts."""
    door, client = browser(viewer), api(viewer)
    for number in range(6):
        assert door.get(f"/models/00000000-0000-7000-8000-00000000000{number}/").status_code == 404
        assert client.get(f"/api/v1/models/00000000-0000-7000-8000-00000000000{number}/").status_code == 404
    events_judge()
    finding = Finding.objects.get(rule="refusal_burst")
    assert (finding.person_id, finding.numbers["different_things"]) == (viewer.pk, 12)

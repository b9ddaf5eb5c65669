"""What people do with findings: assign, comment, link, sign off, reopen; and who may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deployhub.access.vocab import ADMINISTRATOR_PERMISSIONS, AUDITOR_PERMISSIONS, SCOPE_PERMISSIONS
from deployhub.audit.models import AuditEvent
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.review.models import Finding
from deployhub.review.rules import RULES
from deployhub.review.selectors.findings import review_state
from deployhub.review.services.findings import finding_assign, finding_close, finding_link, finding_reopen
from deployhub.review.services.reviews import digest_make, digests_send, review_record, watch
from deployhub.review.services.tuning import rule_mute, rule_tune

pytestmark = pytest.mark.django_db


def _last(action: str) -> AuditEvent:
    return AuditEvent.objects.filter(action=action).order_by("-pk")[0]


def test_an_auditor_signs_a_finding_off_with_a_reason(auditor: Any, finding: Finding, acting: Any) -> None:
    finding_close(actor=acting(auditor), finding=finding, state="benign", reason="the release of Friday")
    finding.refresh_from_db()
    assert (finding.state, finding.closed_by_id) == ("benign", auditor.pk)
    event = _last("finding.close")
    assert event.changes["state"] == ["open", "benign"]
    assert event.reason == "the release of Friday"


def test_nobody_signs_off_a_finding_about_themselves(person: Any, finding: Finding, acting: Any) -> None:
    me = person("me", is_auditor=True, is_administrator=True)
    Finding.objects.all()
    finding.person_id = me.pk
    with pytest.raises(Forbidden) as refused:
        finding_close(actor=acting(me), finding=finding, state="benign", reason="it was only me")
    assert refused.value.code == "finding_about_oneself"
    with pytest.raises(InvalidInput):
        finding_assign(actor=acting(me), finding=finding, username="me")


@pytest.mark.parametrize(("state", "reason"), [("benign", " "), ("muted", "why not"), ("open", "why not")])
def test_a_finding_is_signed_off_properly_or_not_at_all(
    state: str, reason: str, auditor: Any, finding: Finding, acting: Any
) -> None:
    with pytest.raises(InvalidInput):
        finding_close(actor=acting(auditor), finding=finding, state=state, reason=reason)
    finding.refresh_from_db()
    assert finding.state == "open"


def test_of_two_who_sign_off_at_once_one_is_told(
    auditor: Any, administrator: Any, finding: Finding, acting: Any
) -> None:
    other = Finding.objects.get(pk=finding.pk)
    finding_close(actor=acting(auditor), finding=finding, state="benign", reason="known")
    with pytest.raises(Conflict):
        finding_close(actor=acting(administrator), finding=other, state="confirmed", reason="known")


def test_a_finding_that_is_opened_again_keeps_what_was_said(
    auditor: Any, finding: Finding, acting: Any
) -> None:
    finding_close(actor=acting(auditor), finding=finding, state="benign", reason="the release of Friday")
    finding_reopen(actor=acting(auditor), finding=finding, reason="there was no release")
    assert finding.state == "open"
    assert finding.comments.get().text == "Opened again: there was no release"
    assert _last("finding.update").changes["closing_reason"] == ["the release of Friday", ""]


def test_only_who_may_review_is_given_a_finding(
    auditor: Any, viewer: Any, finding: Finding, acting: Any
) -> None:
    finding_assign(actor=acting(auditor), finding=finding, username="auditor")
    assert finding.owner == auditor
    with pytest.raises(InvalidInput):
        finding_assign(actor=acting(auditor), finding=finding, username="viewer")


def test_a_further_event_is_linked_once_and_must_exist(
    auditor: Any, engineer: Any, finding: Finding, acting: Any, logged: Any
) -> None:
    event = logged(engineer, "model.view")[0]
    finding_link(actor=acting(auditor), finding=finding, event_id=event.pk, note="just before")
    assert event.pk in finding.event_ids
    with pytest.raises(Conflict):
        finding_link(actor=acting(auditor), finding=finding, event_id=event.pk)
    with pytest.raises(InvalidInput):
        finding_link(actor=acting(auditor), finding=finding, event_id=2**62)


def test_an_auditor_changes_nothing_but_the_review() -> None:
    reviewing = ("finding.", "rule.", "review.", "digest.")
    writes = {
        code
        for code in AUDITOR_PERMISSIONS
        if not code.endswith((".view", ".history")) and not code.startswith(reviewing)
    }
    assert not {
        code for code in writes if code.startswith(("model.", "version.", "artifact.", "dataset.", "user."))
    }
    assert {"finding.close", "rule.mute", "rule.update"} <= AUDITOR_PERMISSIONS & ADMINISTRATOR_PERMISSIONS


def test_no_token_can_blind_the_watch() -> None:
    assert not {"rule.mute", "rule.update"} & set().union(*SCOPE_PERMISSIONS.values())


@pytest.mark.parametrize("thresholds", [{"floor": 0}, {"floor": True}, {"floor": "9"}, {"flour": 3}])
def test_a_threshold_that_makes_no_sense_is_refused(
    thresholds: dict[str, Any], auditor: Any, acting: Any
) -> None:
    with pytest.raises(InvalidInput):
        rule_tune(actor=acting(auditor), rule=RULES["mass_download"], thresholds=thresholds, reason="a try")


def test_a_mute_has_an_end_and_a_reason(auditor: Any, acting: Any) -> None:
    for days, reason in ((0, "an exercise"), (91, "an exercise"), (3, "")):
        with pytest.raises(InvalidInput):
            rule_mute(actor=acting(auditor), rule=RULES["mass_download"], days=days, reason=reason)
    rule_mute(actor=acting(auditor), rule=RULES["mass_download"], days=3, reason="an exercise")
    assert _last("rule.mute").reason == "an exercise"


def test_the_engineer_neither_sees_nor_mutes(
    engineer: Any, finding: Finding, acting: Any, browser: Any
) -> None:
    with pytest.raises(Forbidden):
        rule_mute(actor=acting(engineer), rule=RULES["mass_download"], days=3, reason="please")
    assert browser(engineer).get(f"/findings/{finding.pk}/").status_code == 403


def test_promise_29_the_review_nags_after_a_week(
    auditor: Any, viewer: Any, acting: Any, browser: Any, project: Any, monkeypatch: Any
) -> None:
    assert not review_state().overdue, "a young installation is not nagged"
    monkeypatch.setattr("deployhub.review.selectors.findings.utc_now", lambda: utc_now() + timedelta(days=9))
    assert review_state().overdue
    assert review_state().sentence == "Nobody has reviewed the audit log yet."
    review_record(actor=acting(auditor))
    assert review_state().sentence == "Nobody has reviewed for 9 days."
    assert b"Nobody has reviewed for 9 days." in browser(auditor).get("/findings/").content
    assert b"Nobody has reviewed for 9 days." in browser(auditor).get("/").content
    assert b"Nobody has reviewed" not in browser(viewer).get("/").content


def test_the_digest_of_a_week_is_made_once_and_mailed_to_auditors_with_an_address(
    person: Any, finding: Finding, settings: Any, mailoutbox: Any
) -> None:
    person("with_address", is_auditor=True, email="audit@example.org")
    person("without", is_auditor=True)
    this_week = utc_now().date() - timedelta(days=utc_now().date().weekday())
    digest = digest_make(week_start=this_week)
    assert digest is not None
    assert digest_make(week_start=this_week) is None
    assert digest.content["opened"] == 1
    assert digests_send() == 0
    assert mailoutbox == []
    settings.EMAIL_HOST = "mail.example.org"
    assert digests_send() == 1
    assert digests_send() == 0
    (mail,) = mailoutbox
    assert mail.to == ["audit@example.org"]
    assert "Engineer downloaded 40 different files" in mail.body


def test_a_mail_server_that_does_not_answer_is_told_and_tried_again_later(
    person: Any, settings: Any, monkeypatch: Any, finding: Finding
) -> None:
    person("with_address", is_auditor=True, email="audit@example.org")
    settings.EMAIL_HOST = "mail.example.org"

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr("deployhub.review.services.reviews.send_mail", refuse)
    digest = digest_make(week_start=utc_now().date())
    assert digests_send() == 0
    assert digest is not None
    digest.refresh_from_db()
    assert "nobody there" in digest.problem
    assert (digest.tries, digest.sent_at) == (1, None)
    digests_send()
    digest.refresh_from_db()
    assert digest.tries == 1, "not again within the hour"


def test_the_duty_does_all_of_it(engineer: Any, logged: Any) -> None:
    logged(engineer, "artifact.download", 35, operation="read")
    assert watch()["digests"] == 0, "the last week was before the first event"
    logged(engineer, "artifact.download", 35, operation="read", minutes_ago=8 * 24 * 60)
    counts = watch()
    assert counts["findings"] == 1
    assert counts["digests"] == 1
    assert watch()["digests"] == 0

"""How long the log is kept, what is held in spite of that, and how a person is forgotten while the log still verifies."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from deployhub.accounts.models import User
from deployhub.audit.models import AuditEvent, AuditKey
from deployhub.audit.scope import event_record, events_write
from deployhub.audit.selectors.verification import log_verify
from deployhub.audit.services.sealer import log_seal
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from deployhub.registry.storage import blob_open
from deployhub.review.models import AuditExport, LegalHold, RetentionRule
from deployhub.review.selectors.retention import retention_classes
from deployhub.review.services.erasure import person_erase
from deployhub.review.services.retention import hold_place, hold_release, retention_run, retention_update

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def happen() -> Any:
    """Something that happened some days ago: `happen("model.view", days=100)`; returns its id."""

    def write(action: str, *, days: int, **columns: Any) -> int:
        columns = {
            "operation": "read", "outcome": "success", "actor_kind": "user", "actor_name": "Kim", "door": "api",
            "at": utc_now() - timedelta(days=days), **columns,
        }  # fmt: skip
        events_write([AuditEvent(action=action, **columns)])
        return AuditEvent.objects.order_by("-id").values_list("pk", flat=True)[0]

    return write


def there(*ids: int) -> list[bool]:
    return [AuditEvent.objects.filter(pk=pk).exists() for pk in ids]


def findings() -> list[str]:
    """What a verification of the whole log complains of."""
    log_seal()
    key = AuditKey.objects.order_by("ordinal").first()
    assert key is not None
    return [str(finding) for finding in log_verify(trusted_key=key.public_key, witness_file=None).findings]


def test_events_past_their_time_go_and_the_log_still_verifies(happen):
    old, young = happen("model.view", days=91), happen("model.view", days=89)
    change, denied = happen("model.update", days=91), happen("model.view", days=399, outcome="denied")
    log_seal()
    assert retention_run() == {"reads": 1}
    assert there(old, young, change, denied) == [False, True, True, True]
    assert findings() == []
    assert AuditEvent.objects.filter(action="retention.prune").exists()


def test_what_is_removed_lies_in_an_archive_first(happen):
    old = happen("model.view", days=91, object_label="Helmets")
    log_seal()
    retention_run()
    archive = AuditExport.objects.get(kind="archive")
    assert (archive.event_count, archive.expires_at, archive.query) == (1, None, {"group": "reads"})
    with blob_open(archive.blob) as file:
        rows = [json.loads(line) for line in gzip.decompress(file.read()).splitlines()]
    assert [(row["id"], row["object_label"]) for row in rows] == [(old, "Helmets")]


def test_what_is_not_sealed_yet_is_never_removed(happen):
    old = happen("model.view", days=91)
    assert retention_run() == {}
    assert there(old) == [True]


def test_oversight_is_kept_for_ever_and_nobody_can_change_that(happen, administrator, acting):
    ids = [
        happen(action, days=9_000, operation="event")
        for action in ("hold.place", "audit.export", "retention.update")
    ]
    log_seal()
    retention_run()
    assert there(*ids) == [True, True, True]
    with pytest.raises(InvalidInput):
        retention_update(actor=acting(administrator), group="oversight", keep_days=30, reason="space")
    with pytest.raises(InvalidInput):
        retention_update(actor=acting(administrator), group="reads", keep_days=3, reason="space")


def test_the_preview_tells_what_the_next_run_removes(happen, administrator, acting, browser, api):
    for _ in range(3):
        happen("model.view", days=40)
    log_seal()
    assert {c.group: c.due_count for c in retention_classes()}["reads"] == 0
    retention_update(actor=acting(administrator), group="reads", keep_days=30, reason="privacy")
    assert {c.group: c.due_count for c in retention_classes()}["reads"] == 3
    assert (
        "would remove 3 events older than 30 days"
        in browser(administrator).get("/audit/retention/").content.decode()
    )
    told = {row["group"]: row for row in api(administrator).get("/api/v1/audit-retention/").json()}
    assert (told["reads"]["keep_days"], told["reads"]["default_days"], told["reads"]["due_count"]) == (
        30,
        90,
        3,
    )
    assert retention_run() == {"reads": 3}


@pytest.mark.parametrize("by", ["person", "project", "object", "time"])
def test_what_is_held_stays_until_the_hold_is_released(by, happen, auditor, acting):
    person, project, thing = uuid4(), uuid4(), str(uuid4())
    held = happen(
        "model.view", days=100, actor_id=person, project_id=project, object_type="model", object_id=thing
    )
    free = happen("model.view", days=120)
    log_seal()
    criteria: dict[str, Any] = {
        "person": {"person_id": person},
        "project": {"project_id": project},
        "object": {"object_type": "model", "object_id": thing},
        "time": {"since": utc_now() - timedelta(days=101), "until": utc_now() - timedelta(days=99)},
    }[by]
    hold = hold_place(actor=acting(auditor), reason="case 7", **criteria)
    assert retention_run() == {"reads": 1}
    assert there(held, free) == [True, False]
    hold_release(actor=acting(auditor), hold=hold, reason="case closed")
    assert retention_run() == {"reads": 1}
    assert there(held) == [False]
    assert findings() == []


def test_a_hold_needs_a_reason_and_something_to_hold(auditor, acting, api):
    for refused in ({"reason": "case 7"}, {"reason": " ", "person_id": uuid4()}):
        with pytest.raises(InvalidInput):
            hold_place(actor=acting(auditor), **refused)
    client = api(auditor)
    made = client.post(
        "/api/v1/audit-holds/", {"reason": "case 7", "object_type": "model"}, format="json"
    ).json()
    released = f"/api/v1/audit-holds/{made['id']}/release/"
    assert client.post(released, {"reason": "closed"}, format="json").json()["release_reason"] == "closed"
    assert client.post(released, {"reason": "closed"}, format="json").status_code == 409


def test_an_erased_person_is_nowhere_in_the_log_and_the_log_still_verifies(
    person, administrator, acting, api
):
    kim = person("kimberly", email="kimberly@example.org")
    api(kim).get("/api/v1/models/", REMOTE_ADDR="10.9.8.7", HTTP_USER_AGENT="KimsBrowser/1")
    event_record(acting(kim, address="10.9.8.7", user_agent="KimsBrowser/1"), "model.view")
    log_seal()
    before = AuditEvent.objects.count()
    person_erase(actor=acting(administrator), user=kim, reason="Asked for on 3 March, letter 12")
    rows = json.dumps([list(row) for row in AuditEvent.objects.values_list()], default=str).casefold()
    for trace in ("kimberly", "10.9.8.7", "kimsbrowser"):
        assert trace not in rows
    assert AuditEvent.objects.count() > before, "nothing that happened is gone"
    erased = AuditEvent.objects.filter(action="person.erase")
    assert erased.exists()
    assert {event.reason for event in erased} == {"Asked for on 3 March, letter 12"}
    assert findings() == []
    kim = User.objects.get(pk=kim.pk)
    assert not kim.is_active
    assert (kim.email, kim.display_name[:13], kim.has_usable_password()) == ("", "Erased person", False)
    assert not kim.api_tokens.exists() if hasattr(kim, "api_tokens") else True


def test_a_legal_hold_forbids_the_erasure_and_says_so(person, administrator, auditor, acting, browser):
    kim = person("kimberly")
    event_record(acting(kim), "model.view")
    hold_place(actor=acting(auditor), reason="case 7", person_id=kim.pk)
    with pytest.raises(Conflict, match="legal hold"):
        person_erase(actor=acting(administrator), user=kim, reason="letter 12")
    assert User.objects.get(pk=kim.pk).username == "kimberly"
    assert "A legal hold forbids it" in browser(administrator).get(f"/users/{kim.pk}/erase/").content.decode()


def test_an_erasure_asks_for_a_reason_without_the_name_and_spares_oneself(person, administrator, acting):
    kim = person("kimberly")
    for reason in ("", "Kimberly asked"):
        with pytest.raises(InvalidInput):
            person_erase(actor=acting(administrator), user=kim, reason=reason)
    with pytest.raises(Conflict):
        person_erase(actor=acting(administrator), user=administrator, reason="letter 12")


def test_promise_17_erasing_and_changing_times_need_a_fresh_second_factor(person, administrator, acting):
    kim, stale = person("kimberly"), acting(administrator, second_factor_at=None)
    with pytest.raises(Forbidden):
        person_erase(actor=stale, user=kim, reason="letter 12")
    with pytest.raises(Forbidden):
        retention_update(actor=stale, group="reads", keep_days=30, reason="space")
    assert not RetentionRule.objects.exists()


def test_nobody_else_erases_holds_or_changes_times(person, owner, auditor, acting):
    kim = person("kimberly")
    for who in (owner, auditor):
        with pytest.raises((Forbidden, NotFound)):
            person_erase(actor=acting(who), user=kim, reason="letter 12")
        with pytest.raises(Forbidden):
            retention_update(actor=acting(who), group="reads", keep_days=30, reason="space")
    with pytest.raises(Forbidden):
        hold_place(actor=acting(owner), reason="case", person_id=kim.pk)
    assert not LegalHold.objects.exists()


def test_an_erasure_takes_the_files_of_exports_with_it(person, administrator, acting, auditor):
    from deployhub.jobs.runner import job_run
    from deployhub.review.services.exports import export_create

    kim = person("kimberly")
    event_record(acting(kim), "model.view")
    export = export_create(actor=acting(auditor), form="jsonl", query={}, reason="audit")
    assert job_run(job_id=export.job_id, worker_name="north") == "succeeded"
    person_erase(actor=acting(administrator), user=kim, reason="letter 12")
    export.refresh_from_db()
    assert (export.blob, export.state) == (None, "expired")

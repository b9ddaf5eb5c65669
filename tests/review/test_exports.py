"""The log leaves as a file: who may, what is in it, and that the log tells of it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.base_event import BaseEvent
from py_ocsf_models.objects.api import API
from py_ocsf_models.objects.metadata import Metadata
from py_ocsf_models.objects.user import User as OcsfUser

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import events_write
from deployhub.jobs.runner import job_run
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import Blob
from deployhub.review.models import AuditExport
from deployhub.review.services.exports import export_create, exports_expire
from deployhub.review.writers import cef, csv_table, json_lines, ocsf

pytestmark = pytest.mark.django_db

NASTY = 'a|b=c\\d\r\ne\u2028f\0g 😀 ,"quoted"'


def an_event(**columns: Any) -> AuditEvent:
    columns = {
        "id": 7, "at": utc_now(), "action": "version.create", "operation": "create", "outcome": "success",
        "actor_kind": "user", "actor_id": uuid4(), "actor_name": "Kim", "door": "api", "object_type": "version",
        "object_id": str(uuid4()), "object_label": "Helmets v2", "changes": {"state": ["queued", "running"]}, **columns,
    }  # fmt: skip
    return AuditEvent(**columns)


@pytest.fixture
def exported(auditor: Any, acting: Any, transactional_db: None) -> Any:
    """Ask for an export as the auditor and let a worker do it; returns (row, the file's bytes)."""
    from deployhub.registry.storage import blob_open

    def run(form: str, **kwargs: Any) -> tuple[AuditExport, bytes]:
        kwargs.setdefault("query", {})
        export = export_create(actor=acting(auditor), form=form, reason="for the yearly audit", **kwargs)
        assert job_run(job_id=export.job_id, worker_name="north") == "succeeded"
        export = AuditExport.objects.get(pk=export.pk)
        with blob_open(export.blob) as file:
            return export, file.read()

    return run


def test_json_lines_hold_every_event_once_in_order_and_say_their_digest(exported):
    events_write([an_event(id=None, object_label=f"v{n}") for n in range(5)])
    export, content = exported("jsonl", query={"action": "version.create"})
    rows = [json.loads(line) for line in content.splitlines()]
    assert [row["object_label"] for row in rows] == [f"v{n}" for n in range(5)]
    assert (export.event_count, export.size_bytes) == (5, len(content))
    assert export.sha256 == hashlib.sha256(content).hexdigest()


def test_a_compressed_export_is_the_same_packed(exported):
    events_write([an_event(id=None) for _ in range(3)])
    _, plain = exported("jsonl", query={"action": "version.create"})
    export, packed = exported("jsonl", query={"action": "version.create"}, compressed=True)
    assert gzip.decompress(packed) == plain
    assert export.file_name.endswith(".jsonl.gz")


def test_an_export_holds_what_was_there_when_it_was_asked_for(auditor, acting, transactional_db):
    events_write([an_event(id=None)])
    export = export_create(
        actor=acting(auditor), form="jsonl", query={"action": "version.create", "last": "24h"}, reason="audit"
    )
    events_write([an_event(id=None)])
    assert job_run(job_id=export.job_id, worker_name="north") == "succeeded"
    export.refresh_from_db()
    assert export.event_count == 1
    assert "last" not in export.query
    assert "since" in export.query


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0"])
def test_no_cell_of_a_csv_is_a_formula(text):
    row = next(csv.reader(io.StringIO(csv_table.line(an_event(object_label=text)), newline="")))
    cell = row[json_lines.COLUMNS.index("object_label")]
    assert cell == f"'{text}"
    assert len(row) == len(json_lines.COLUMNS)


def test_nasty_text_survives_csv_and_json_lines():
    event = an_event(object_label=NASTY)
    row = next(csv.reader(io.StringIO(csv_table.line(event), newline="")))
    assert row[json_lines.COLUMNS.index("object_label")] == NASTY.replace("\0", "")
    assert json.loads(json_lines.line(event))["object_label"] == NASTY
    assert json_lines.line(event).count("\n") == 1


def test_cef_escapes_as_its_specification_says():
    text = cef.line(an_event(action="a|b\\c\n", object_label=NASTY, reason="x=1\ny=2\\", address="10.0.0.9"))
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1, "one line, whatever was in it"
    header = re.split(r"(?<!\\)\|", text.rstrip("\n"), maxsplit=7)
    assert header[:4] == ["CEF:0", "DeployHub", "DeployHub", header[3]]
    assert header[4] == "a\\|b\\\\c "
    assert header[6].isdigit()
    assert 0 <= int(header[6]) <= 10
    pairs = dict(re.findall(r"(\w+)=((?:\\.|[^=\\])*)(?= \w+=|$)", header[7]))
    assert pairs["reason"] == "x\\=1\\ny\\=2\\\\"
    assert pairs["src"] == "10.0.0.9"
    assert pairs["cs3"] == 'a|b\\=c\\\\d\\r\\ne fg 😀 ,"quoted"'
    assert "src=" not in cef.line(an_event(address="not an address"))
    assert "c6a2=2001:db8::1" in cef.line(an_event(address="2001:db8::1"))


@pytest.mark.parametrize(
    ("columns", "class_uid", "activity"),
    [
        ({"action": "account.sign_in", "operation": "event"}, 3002, 1),
        ({"action": "account.sign_out", "operation": "event"}, 3002, 2),
        ({"action": "user.create", "operation": "create"}, 3001, 1),
        ({"action": "mfa.remove", "operation": "delete"}, 3001, 11),
        ({"action": "membership.grant", "operation": "create"}, 3005, 1),
        ({"action": "version.create", "operation": "create"}, 3004, 1),
        ({"action": "model.update", "operation": "update"}, 3004, 3),
        ({"action": "artifact.download", "operation": "read"}, 6003, 2),
        ({"action": "model.view", "operation": "event", "outcome": "denied"}, 6003, 99),
    ],
)
def test_ocsf_puts_each_event_into_its_class_and_the_librarys_models_take_it(columns, class_uid, activity):
    found = json.loads(
        ocsf.line(an_event(object_label=NASTY, address="10.0.0.9", user_agent="curl/8", **columns))
    )
    assert (found["class_uid"], found["activity_id"]) == (class_uid, activity)
    assert found["type_uid"] == class_uid * 100 + activity
    assert found["category_uid"] == class_uid // 1000
    assert found["status"] == ("Failure" if columns.get("outcome") == "denied" else "Success")
    assert ocsf.OCSF_VERSION == OCSF_VERSION
    BaseEvent.model_validate(found)
    Metadata.model_validate(found["metadata"])
    OcsfUser.model_validate(found["actor"]["user"])
    if class_uid == 6003:
        API.model_validate(found["api"])


def test_an_export_is_in_the_log_with_its_search_and_reason_and_so_is_its_download(
    exported, auditor, browser
):
    export, content = exported("csv", query={"outcome": "denied"})
    asked = AuditEvent.objects.get(action="audit.export", object_type="audit_export")
    assert asked.reason == "for the yearly audit"
    assert json.loads(asked.changes["query"][1]) == {"outcome": "denied"}
    answer = browser(auditor).get(f"/audit/exports/{export.pk}/file/")
    assert b"".join(answer.streaming_content) == content
    assert AuditEvent.objects.get(action="audit.download").object_id == str(export.pk)


def test_an_export_expires_and_its_bytes_go(exported, auditor, api):
    export, _ = exported("jsonl", query={"action": "version.create"})
    client = api(auditor)
    assert client.get(f"/api/v1/audit-exports/{export.pk}/file/").status_code == 200
    from deployhub.audit.scope import system_scope

    with system_scope("a week later"):
        AuditExport.objects.filter(pk=export.pk).update(expires_at=utc_now() - timedelta(seconds=1))
    assert client.get(f"/api/v1/audit-exports/{export.pk}/file/").status_code == 404
    assert exports_expire() == 1
    assert client.get(f"/api/v1/audit-exports/{export.pk}/").json()["state"] == "expired"
    assert not Blob.objects.filter(sha256=export.sha256).exists()
    assert exports_expire() == 0


def test_promise_17_an_export_needs_a_fresh_second_factor(auditor, acting, api):
    client = api(auditor, step_up_exempt=False)
    body = {"form": "jsonl", "reason": "audit", "query": {}}
    assert client.post("/api/v1/audit-exports/", body, format="json").status_code == 403
    assert AuditExport.objects.count() == 0


def test_an_export_is_refused_in_words_where_its_search_or_its_reason_is_missing(auditor, api):
    client = api(auditor)
    for body in (
        {"form": "jsonl", "reason": " ", "query": {}},
        {"form": "xml", "reason": "audit"},
        {"form": "jsonl", "reason": "audit", "query": {"colour": "red"}},
        {"form": "jsonl", "reason": "audit", "query": {"outcome": "great"}},
    ):
        answer = client.post("/api/v1/audit-exports/", body, format="json")
        assert answer.status_code == 400, body
        assert answer.json()["errors"]


def test_nobody_but_auditors_and_administrators_takes_the_log_away(owner, engineer, viewer, browser, api):
    for person in (owner, engineer, viewer):
        assert (
            api(person)
            .post("/api/v1/audit-exports/", {"form": "jsonl", "reason": "x"}, format="json")
            .status_code
            == 403
        )
        assert browser(person).get("/audit/exports/").status_code == 403
    assert AuditExport.objects.count() == 0


def test_a_person_who_lost_the_right_meanwhile_gets_no_file(auditor, acting, transactional_db):
    from deployhub.audit.scope import system_scope

    export = export_create(actor=acting(auditor), form="jsonl", query={}, reason="audit")
    with system_scope("moved on"):
        auditor.is_auditor = False
        auditor.save()
    assert job_run(job_id=export.job_id, worker_name="north") == "failed"
    export.refresh_from_db()
    assert export.blob is None


def test_a_search_is_saved_shared_and_found_in_the_menu(auditor, administrator, person, browser, api):
    other = person("other_auditor", is_auditor=True)
    browser(auditor).post(
        "/audit/searches/?outcome=denied&q=helmet", {"name": "Helmet refusals", "shared": "on"}
    )
    api(auditor).post("/api/v1/audit-searches/", {"name": "Mine", "query": {"group": "reads"}}, format="json")
    menu = browser(other).get("/audit/?action=none").content.decode()
    assert "Helmet refusals" in menu
    assert "Mine" not in menu
    listed = api(other).get("/api/v1/audit-searches/").json()["results"]
    assert [(row["name"], row["query"]) for row in listed] == [
        ("Helmet refusals", {"outcome": "denied", "q": "helmet"})
    ]
    assert api(other).delete(f"/api/v1/audit-searches/{listed[0]['id']}/").status_code == 403
    assert api(auditor).delete(f"/api/v1/audit-searches/{listed[0]['id']}/").status_code == 204


def test_saving_under_the_same_name_replaces_and_a_bad_search_is_refused(auditor, api):
    client = api(auditor)
    for query in ({"outcome": "denied"}, {"outcome": "failed"}):
        assert (
            client.post("/api/v1/audit-searches/", {"name": "A", "query": query}, format="json").status_code
            == 201
        )
    rows = client.get("/api/v1/audit-searches/").json()["results"]
    assert [row["query"] for row in rows] == [{"outcome": "failed"}]
    for query in ({}, {"outcome": "great"}, {"colour": "red"}):
        assert (
            client.post("/api/v1/audit-searches/", {"name": "B", "query": query}, format="json").status_code
            == 400
        )

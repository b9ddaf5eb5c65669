"""Downloads: whole or in ranges, authorised each time, and in the log before the first byte."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from deployhub.audit.models import AuditEvent
from tests.registry.conftest import checkpoint_bytes, dataset_bytes

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = checkpoint_bytes("x" * 5_000)


@pytest.fixture
def version(engineer: Any, project: Any, version_of: Any) -> Any:
    return version_of(engineer, project, content=CONTENT, name='best "naïve" ; rm.pt')


@pytest.fixture(params=["page", "api"])
def door(request: Any, browser: Any, api: Any, engineer: Any, version: Any) -> Any:
    """Fetch the version's file at one of the two doors."""
    client = browser(engineer) if request.param == "page" else api(engineer)
    prefix = "" if request.param == "page" else "/api/v1"

    def fetch(method: str = "get", **headers: str) -> Any:
        return getattr(client, method)(f"{prefix}/versions/{version.pk}/download/", headers=headers)

    return fetch


def test_the_whole_file_comes_with_its_digest_as_etag(door, version):
    answer = door()
    assert answer.status_code == 200
    assert answer.getvalue() == CONTENT
    assert answer.headers["ETag"] == f'"{version.blob.sha256}"'
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert ";" not in answer.headers["Content-Disposition"].partition(";")[2].replace("filename*=utf-8''", "")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, len(CONTENT) - 1), ("bytes=-10", len(CONTENT) - 10, len(CONTENT) - 1),
     ("bytes=5-999999", 5, len(CONTENT) - 1)],
)  # fmt: skip
def test_a_range_is_sent_alone(door, asked, first, last):
    answer = door(range=asked)
    assert answer.status_code == 206
    assert answer.getvalue() == CONTENT[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "lines=0-1", "bytes=9-3", "bytes=-", "nonsense"])
def test_a_range_in_a_form_that_is_not_served_gives_the_whole_file(door, asked):
    answer = door(range=asked)
    assert (answer.status_code, answer.getvalue()) == (200, CONTENT)


def test_a_range_behind_the_end_is_refused(door):
    answer = door(range="bytes=99999999-")
    assert answer.status_code == 416


def test_if_range_of_another_file_gives_the_whole_file(door, version):
    assert door(range="bytes=0-1", **{"if-range": '"other"'}).status_code == 200
    assert door(range="bytes=0-1", **{"if-range": f'"{version.blob.sha256}"'}).status_code == 206


def test_head_tells_the_size_and_sends_nothing(door):
    answer = door("head")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.content == b""


def test_each_download_stands_in_the_log_before_its_first_byte(door, version):
    answer = door(range="bytes=0-9")
    event = AuditEvent.objects.filter(action="version.download").latest("id")
    assert (event.object_id, event.changes["bytes"]) == (str(version.pk), [0, 9])
    answer.close()


def test_promise_08_no_byte_leaves_when_the_log_cannot_be_written(door):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent RENAME TO audit_gone")
    try:
        answer = door()
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_gone RENAME TO audit_auditevent")
    assert answer.status_code == 503
    assert CONTENT[:50] not in body


def test_a_viewer_may_not_download_and_the_refusal_is_logged(browser, viewer, version):
    assert browser(viewer).get(f"/versions/{version.pk}/download/").status_code == 403
    assert AuditEvent.objects.filter(action="version.download", outcome="denied").exists()


def test_a_dataset_is_downloaded_as_it_was_uploaded(browser, engineer, project, dataset_of):
    content = dataset_bytes()
    dataset = dataset_of(engineer, project, content=content)
    assert browser(engineer).get(f"/datasets/{dataset.pk}/download/").getvalue() == content

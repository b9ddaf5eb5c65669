"""The same Idempotency-Key gives the same answer, and the thing is made once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployhub.doors.api import REQUEST_LOST_AFTER
from deployhub.doors.models import IdempotencyRecord
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import RegisteredModel

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": "pipeline-7"}


@pytest.fixture
def create(api, engineer, project):
    client = api(engineer)

    def make(name: str = "Signs"):
        return client.post(
            "/api/v1/models/", {"project": project.slug, "name": name}, format="json", headers=KEY
        )

    return make


def test_the_same_request_again_is_answered_and_not_done_again(create):
    first, second = create(), create()
    assert first.status_code == 201, first.content
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert RegisteredModel.objects.count() == 1


def test_the_key_of_another_request_is_refused(create):
    create()
    other = create("Lanes")
    assert other.status_code == 400
    assert "another request" in other.json()["detail"]


def test_a_refused_request_may_be_tried_again_with_its_key(create):
    assert create("").status_code == 400
    assert create("Signs").status_code == 201


def test_a_request_under_way_is_told_by_a_code_of_its_own(create):
    create()
    IdempotencyRecord.objects.update(status=None, body=None)
    twin = create()
    assert (twin.status_code, twin.json()["code"]) == (409, "idempotency_in_progress")


def test_a_request_whose_server_was_killed_does_not_hold_its_key_for_ever(create):
    create()
    RegisteredModel.objects.get()
    IdempotencyRecord.objects.update(
        status=None, body=None, created_at=utc_now() - REQUEST_LOST_AFTER - timedelta(seconds=1)
    )
    again = create()
    assert again.json()["code"] != "idempotency_in_progress"
    assert again.status_code == 409  # the model was made by the first try: the answer is the truth about it


def test_two_people_may_use_the_same_key(create, api, owner, project):
    create()
    other = api(owner).post(
        "/api/v1/models/", {"project": project.slug, "name": "Lanes"}, format="json", headers=KEY
    )
    assert other.status_code == 201

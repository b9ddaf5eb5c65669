"""Who can reach this, what can this person reach: the page says what the policy would decide, for everybody."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.vocab import CUSTOM, PERMISSIONS, Reach
from deployhub.accounts.models import User
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import RegisteredModel
from deployhub.registry.reach import person_reaches, project_reached_by
from deployhub.registry.services.roles import custom_role_create

pytestmark = pytest.mark.django_db

OF_PROJECT = [code for code, known in PERMISSIONS.items() if known.reach is Reach.PROJECT]


@pytest.fixture
def everybody(
    owner: Any, engineer: Any, release_manager: Any, viewer: Any, stranger: Any, administrator: Any, auditor: Any,
    person: Any, project: Any, acting: Any,
) -> list[Any]:  # fmt: skip
    role = custom_role_create(
        actor=acting(owner), project=project, name="Steward", permissions=["model.view", "model.alias"]
    )
    steward, lapsed, guest = person("steward"), person("lapsed"), person("guest")
    gone = person("gone", role="owner", project=project, is_active=False)
    both = person("both", role="engineer", project=project, is_auditor=True)
    with system_scope("memberships"):
        Membership.objects.create(user=steward, project=project, role=CUSTOM, custom_role=role)
        Membership.objects.create(
            user=lapsed, project=project, role="owner", expires_at=utc_now() - timedelta(hours=1)
        )
        Membership.objects.create(
            user=guest, project=project, role="viewer", expires_at=utc_now() + timedelta(hours=1)
        )
    return [
        owner,
        engineer,
        release_manager,
        viewer,
        stranger,
        administrator,
        auditor,
        steward,
        lapsed,
        guest,
        gone,
        both,
    ]


def test_promise_13_the_page_of_a_project_is_what_the_policy_decides_for_every_person_and_permission(
    everybody: list[Any], owner: Any, project: Any, acting: Any
) -> None:
    shown = {row.user.pk: row.permissions for row in project_reached_by(acting(owner), project)}
    for user in User.objects.all():
        decided = {code for code in OF_PROJECT if user.is_active and policy.can(acting(user), code, project)}
        assert shown.get(user.pk, frozenset()) == decided, user.username
    assert len(shown) == 9


def test_promise_13_the_page_of_a_person_is_what_the_policy_decides_in_every_project(
    everybody: list[Any], administrator: Any, project: Any, foreign_project: Any, acting: Any
) -> None:
    for user in everybody:
        shown = {row.project.pk: row.permissions for row in person_reaches(acting(administrator), user)}
        for place in (project, foreign_project):
            decided = {
                code for code in OF_PROJECT if user.is_active and policy.can(acting(user), code, place)
            }
            assert shown.get(place.pk, frozenset()) == decided, (user.username, place.slug)


def test_the_ways_tokens_and_ends_stand_beside_each_person(
    everybody: list[Any],
    owner: Any,
    engineer: Any,
    project: Any,
    foreign_project: Any,
    acting: Any,
    token_of: Any,
) -> None:
    token_of(engineer, scopes=["read"])
    token_of(engineer, scopes=["read"], project_ids=[str(foreign_project.pk)])
    token_of(engineer, scopes=["read"], expires_at=utc_now() - timedelta(days=1))
    rows = {row.user.username: row for row in project_reached_by(acting(owner), project)}
    assert [(way.kind, way.role) for way in rows["steward"].ways] == [("custom", "Steward")]
    assert [(way.kind, way.role) for way in rows["both"].ways] == [
        ("direct", "Engineer"),
        ("global", "Auditor"),
    ]
    assert rows["guest"].ways[0].until is not None
    assert (rows["viewer"].sees, rows["viewer"].downloads, rows["viewer"].changes) == (True, False, False)
    assert len(rows["engineer"].tokens) == 1, "not the one of another project, nor the one that has expired"
    assert "version.download" not in rows["engineer"].tokens[0].permissions


@pytest.mark.parametrize(("who", "may"), [("owner", True), ("administrator", True), ("auditor", True), ("viewer", False), ("engineer", False)])  # fmt: skip
def test_owners_administrators_and_auditors_see_the_reach_at_both_doors(
    who: str,
    may: bool,
    everybody: list[Any],
    request: pytest.FixtureRequest,
    project: Any,
    browser: Any,
    api: Any,
) -> None:
    with system_scope("a model"):
        model = RegisteredModel.objects.create(project=project, name="Circles", slug="circles")
    user, want = request.getfixturevalue(who), 200 if may else 403
    page, rest = browser(user), api(user)
    assert page.get("/projects/shapes/reach/").status_code == want
    assert page.get(f"/models/{model.pk}/reach/").status_code == want
    assert rest.get(f"/api/v1/projects/{project.pk}/reach/").status_code == want
    assert rest.get(f"/api/v1/models/{model.pk}/reach/").status_code == want
    if may:
        assert (
            AuditEvent.objects.filter(action="reach.view", actor_id=user.pk, outcome="success").count() == 4
        )


def test_the_csv_says_what_the_api_says(
    everybody: list[Any], owner: Any, project: Any, browser: Any, api: Any
) -> None:
    answer = browser(owner).get("/projects/shapes/reach/?as=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    listed = api(owner).get(f"/api/v1/projects/{project.pk}/reach/").json()
    assert [(row["account"], row["permissions"].split()) for row in rows] == [
        (row["username"], row["permissions"]) for row in listed
    ]


def test_a_name_that_a_spreadsheet_would_run_stays_text(
    owner: Any, project: Any, person: Any, browser: Any
) -> None:
    mallory = person("mallory", role="viewer", project=project)
    with system_scope("a name"):
        User.objects.filter(pk=mallory.pk).update(name="=cmd|' /C calc'!A0")
    assert "'=cmd|" in browser(owner).get("/projects/shapes/reach/?as=csv").content.decode()


def test_a_persons_page_shows_projects_and_the_last_access(
    owner: Any, viewer: Any, administrator: Any, project: Any, browser: Any, api: Any
) -> None:
    browser(viewer).get("/projects/shapes/")
    text = browser(administrator).get(f"/users/{viewer.pk}/reach/").content.decode()
    assert "Shapes" in text
    assert "Viewer" in text
    row = api(administrator).get(f"/api/v1/users/{viewer.pk}/reach/").json()[0]
    assert (row["project"], row["changes"]) == ("shapes", False)
    assert row["last_access"] is not None
    assert browser(owner).get(f"/users/{viewer.pk}/reach/").status_code == 403


def test_the_page_asks_the_database_no_oftener_for_more_people(
    owner: Any, project: Any, person: Any, acting: Any
) -> None:
    with CaptureQueriesContext(connection) as few:
        project_reached_by(acting(owner), project)
    for index in range(12):
        person(f"p{index}", role="viewer", project=project)
    with CaptureQueriesContext(connection) as many:
        assert len(project_reached_by(acting(owner), project)) == 13
    assert len(many) == len(few)

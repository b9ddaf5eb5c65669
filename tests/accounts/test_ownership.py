"""A project goes to a new owner in one step, and is not left behind by a person who goes."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.access.models import Membership
from deployhub.accounts.models import User
from deployhub.accounts.services.ownership import project_hand_over
from deployhub.accounts.services.users import user_anonymise, user_deactivate
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound

pytestmark = pytest.mark.django_db


def role_of(user: Any, project: Any) -> str | None:
    return Membership.objects.filter(user=user, project=project).values_list("role", flat=True).first()


def test_only_an_owner_or_an_administrator_hands_a_project_over(
    engineer, viewer, stranger, project, acting, owner
):
    with pytest.raises(Forbidden):
        project_hand_over(actor=acting(engineer), project=project, username="viewer")
    with pytest.raises(NotFound):
        project_hand_over(actor=acting(stranger), project=project, username="viewer")
    assert role_of(owner, project) == "owner"


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "nobody"},
        {"username": "stranger"},
        {"username": "owner"},
        {"username": "engineer", "stays_as": "owner"},
        {"username": "engineer", "stays_as": "emperor"},
        {"username": "engineer", "owner": "viewer"},
    ],
)
def test_a_hand_over_that_makes_no_sense_changes_nothing(
    owner, engineer, viewer, stranger, project, acting, wrong
):
    with pytest.raises(InvalidInput):
        project_hand_over(actor=acting(owner), project=project, **wrong)
    assert (role_of(owner, project), role_of(engineer, project)) == ("owner", "engineer")


def test_a_machine_and_a_deactivated_person_take_no_project(owner, engineer, project, acting):
    with system_scope("they left"):
        User.objects.filter(pk=engineer.pk).update(is_active=False)
    with pytest.raises(InvalidInput):
        project_hand_over(actor=acting(owner), project=project, username="engineer")


def test_the_new_owner_gets_it_the_old_one_steps_back_and_the_project_tells(
    owner, engineer, project, browser
):
    body = {"username": "engineer", "stays_as": "viewer"}
    assert browser(owner).post(f"/projects/{project.slug}/hand-over/", body).status_code == 302
    assert (role_of(owner, project), role_of(engineer, project)) == ("viewer", "owner")
    event = AuditEvent.objects.get(action="project.hand_over", object_type="project")
    assert event.changes["owner"] == ["owner", "engineer"]
    assert event.changes["former_owner_stays_as"] == ["owner", "viewer"]
    assert event.project_id == project.pk


def test_an_owner_may_leave_by_it_and_the_api_does_the_same(owner, engineer, project, api):
    made = api(owner).post(
        f"/api/v1/projects/{project.pk}/hand-over/", {"username": "engineer"}, format="json"
    )
    assert made.json()["role"] == "owner"
    assert role_of(owner, project) is None


def test_an_administrator_does_it_for_a_project_whose_owner_left(
    administrator, owner, person, project, acting
):
    person("newcomer")
    with system_scope("they left"):
        User.objects.filter(pk=owner.pk).update(is_active=False)
    project_hand_over(actor=acting(administrator), project=project, username="newcomer")
    assert role_of(owner, project) is None
    assert role_of(User.objects.get(username="newcomer"), project) == "owner"


def test_a_person_who_alone_owns_projects_is_not_deactivated(
    administrator, owner, engineer, project, api, browser
):
    answer = api(administrator).post(f"/api/v1/users/{owner.pk}/deactivate/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "sole_owner")
    assert answer.json()["projects"] == [
        {
            "id": str(project.pk),
            "slug": "shapes",
            "name": "Shapes",
            "hand_over": "/projects/shapes/hand-over/",
        }
    ]
    page = browser(administrator).get(f"/users/{owner.pk}/deactivate/").content.decode()
    assert "/projects/shapes/hand-over/" in page
    assert browser(administrator).post(f"/users/{owner.pk}/deactivate/").status_code == 422
    owner.refresh_from_db()
    assert owner.is_active


def test_with_a_successor_for_each_project_they_are_and_nothing_is_left_behind(
    administrator, owner, engineer, project, browser
):
    body = {f"successor_{project.pk.hex}": "engineer"}
    assert browser(administrator).post(f"/users/{owner.pk}/deactivate/", body).status_code == 302
    owner.refresh_from_db()
    assert not owner.is_active
    assert (role_of(owner, project), role_of(engineer, project)) == ("viewer", "owner")
    assert AuditEvent.objects.filter(action="project.hand_over", object_type="project").count() == 1


def test_a_successor_who_cannot_take_it_undoes_the_whole(administrator, owner, project, api):
    body = {"successors": [{"project_id": str(project.pk), "username": "nobody"}]}
    answer = api(administrator).post(f"/api/v1/users/{owner.pk}/deactivate/", body, format="json")
    assert answer.status_code == 400
    owner.refresh_from_db()
    assert owner.is_active
    assert role_of(owner, project) == "owner"


def test_a_second_owner_who_is_not_active_does_not_count(administrator, owner, person, project, acting):
    second = person("second_owner", role="owner", project=project)
    user_deactivate(actor=acting(administrator), user=second)
    with pytest.raises(Conflict, match="only owner"):
        user_deactivate(actor=acting(administrator), user=owner)


def test_a_person_who_alone_owns_a_project_is_not_erased_either(administrator, owner, acting):
    with pytest.raises(Conflict, match="only owner"):
        user_anonymise(actor=acting(administrator), user=owner)


def test_the_page_says_what_ends_and_what_stays(administrator, engineer, browser, api):
    browser(engineer)
    api(engineer)
    page = browser(administrator).get(f"/users/{engineer.pk}/deactivate/").content.decode()
    assert "1 session and 1 API token" in page
    assert "1 membership" in page

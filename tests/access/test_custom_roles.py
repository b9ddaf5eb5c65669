"""Roles that a project makes for itself: never more than the maker holds, and at once when they change."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.access import policy
from deployhub.access.models import CustomRole, Membership
from deployhub.access.vocab import CUSTOM, ROLE_PERMISSIONS
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.registry.services.members import membership_grant, membership_revoke
from deployhub.registry.services.roles import custom_role_create, custom_role_delete, custom_role_update

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(owner: Any, project: Any, acting: Any) -> CustomRole:
    return custom_role_create(
        actor=acting(owner),
        project=project,
        name="Release auditor",
        permissions=["model.view", "model.alias"],
    )


@pytest.fixture
def kim(person: Any) -> Any:
    return person("kim")


def test_a_member_may_what_the_projects_own_role_says_and_no_more(
    made: CustomRole, kim: Any, owner: Any, project: Any, acting: Any
) -> None:
    membership_grant(actor=acting(owner), project=project, username="kim", role="release-auditor")
    allowed = {code for code in ROLE_PERMISSIONS["owner"] if policy.can(acting(kim), code, project)}
    assert allowed == {"project.view", "model.view", "model.alias"}


def test_a_changed_role_acts_on_the_next_request_at_both_doors(
    made: CustomRole, kim: Any, owner: Any, project: Any, acting: Any, browser: Any, api: Any
) -> None:
    membership_grant(actor=acting(owner), project=project, username="kim", role="release-auditor")
    page, rest = browser(kim), api(kim)
    assert page.get("/datasets/").status_code == 403
    assert rest.get("/api/v1/datasets/").status_code == 403
    custom_role_update(actor=acting(owner), role=made, permissions=["dataset.view"])
    assert page.get("/datasets/").status_code == 200
    assert rest.get("/api/v1/datasets/").status_code == 200
    assert page.get("/models/").status_code == 403


def test_the_policy_asks_the_database_once_a_request_with_roles_of_their_own_too(
    made: CustomRole, kim: Any, owner: Any, project: Any, acting: Any, django_assert_num_queries: Any
) -> None:
    membership_grant(actor=acting(owner), project=project, username="kim", role="release-auditor")
    actor = acting(kim)
    with django_assert_num_queries(1):
        assert policy.can(actor, "model.alias", project)
        assert not policy.can(actor, "dataset.view", project)
        policy.visible(actor, "model.view", CustomRole.objects.all())


@pytest.mark.parametrize("who", ["engineer", "release_manager", "viewer"])
def test_promise_13_only_owners_make_roles(
    who: str, request: pytest.FixtureRequest, project: Any, acting: Any
) -> None:
    actor = acting(request.getfixturevalue(who))
    with pytest.raises(Forbidden):
        custom_role_create(actor=actor, project=project, name="Mine", permissions=["model.view"])


def test_promise_13_no_role_holds_what_its_maker_lacks(project: Any, person: Any, acting: Any) -> None:
    """Were somebody to make roles without being an owner, they could hand on only what they hold."""
    sly = person("sly")
    with system_scope("test role"):
        role = CustomRole.objects.create(
            project=project,
            name="Sly",
            slug="sly",
            permissions=["project.view", "role.define", "membership.grant"],
        )
        Membership.objects.create(project=project, user=sly, role=CUSTOM, custom_role=role)
    with pytest.raises(Forbidden) as refused:
        custom_role_create(actor=acting(sly), project=project, name="Up", permissions=["version.download"])
    assert refused.value.code == "above_own_role"
    with pytest.raises(Forbidden):
        membership_grant(actor=acting(sly), project=project, username="sly", role="owner")
    denied = AuditEvent.objects.filter(outcome="denied", action="membership.grant").get()
    assert "This role may do what yours may not" in denied.reason, "the refusal outlives the transaction"
    assert Membership.objects.get(user=sly).role == CUSTOM


def test_promise_13_nobody_takes_a_role_above_their_own_from_another(
    owner: Any, engineer: Any, project: Any, person: Any, acting: Any
) -> None:
    steward = person("steward")
    with system_scope("test role"):
        role = CustomRole.objects.create(
            project=project, name="Steward", slug="steward",
            permissions=["project.view", "membership.grant", "membership.revoke"],
        )  # fmt: skip
        Membership.objects.create(project=project, user=steward, role=CUSTOM, custom_role=role)
    with pytest.raises(Forbidden):
        membership_grant(actor=acting(steward), project=project, username="engineer", role="steward")
    with pytest.raises(Forbidden):
        membership_revoke(actor=acting(steward), membership=Membership.objects.get(user=owner))
    membership_revoke(actor=acting(steward), membership=Membership.objects.get(user=steward))


@pytest.mark.parametrize(
    "code",
    [
        "role.define",
        "preview.start",
        "token.issue",
        "service.create",
        "user.create",
        "audit.view",
        "token.create",
        "nonsense",
    ],
)
def test_a_projects_own_role_holds_nothing_beyond_the_project(
    code: str, owner: Any, project: Any, acting: Any
) -> None:
    with pytest.raises(InvalidInput):
        custom_role_create(actor=acting(owner), project=project, name="Too much", permissions=[code])


@pytest.mark.parametrize("name", ["Owner", "Release manager", "custom", "Administrator", "release-MANAGER"])
def test_a_role_is_not_called_like_a_built_in_one(name: str, owner: Any, project: Any, acting: Any) -> None:
    with pytest.raises(InvalidInput):
        custom_role_create(actor=acting(owner), project=project, name=name, permissions=[])


def test_a_role_in_use_is_not_removed_and_the_answer_says_whose_it_is(
    made: CustomRole, kim: Any, owner: Any, project: Any, acting: Any, api: Any
) -> None:
    membership_grant(actor=acting(owner), project=project, username="kim", role="release-auditor")
    with pytest.raises(Conflict, match="Release auditor is the role of Kim"):
        custom_role_delete(actor=acting(owner), role=made)
    response = api(owner).delete(f"/api/v1/projects/{project.pk}/roles/{made.pk}/")
    assert (response.status_code, response.json()["code"]) == (409, "role_in_use")
    membership_grant(actor=acting(owner), project=project, username="kim", role="viewer")
    custom_role_delete(actor=acting(owner), role=made)
    assert not CustomRole.objects.filter(pk=made.pk).exists()


def test_promise_14_a_role_of_another_project_is_none(
    made: CustomRole, stranger: Any, foreign_project: Any, kim: Any, acting: Any
) -> None:
    with pytest.raises(InvalidInput, match="There is no such role"):
        membership_grant(
            actor=acting(stranger), project=foreign_project, username="kim", role="release-auditor"
        )


def test_an_owner_makes_and_gives_a_role_by_the_pages(
    owner: Any, kim: Any, project: Any, browser: Any
) -> None:
    client = browser(owner)
    made = client.post(
        "/projects/shapes/roles/",
        {"name": "Night watch", "description": "Looks after jobs", "permissions": ["job.view", "job.cancel"]},
    )
    assert made.status_code == 302
    role = CustomRole.objects.get(slug="night-watch")
    assert role.permissions == ["project.view", "job.view", "job.cancel"]
    client.post("/projects/shapes/members/", {"username": "kim", "role": "night-watch", "days": "7"})
    member = Membership.objects.get(user=kim)
    assert (member.role_label, member.ends_soon) == ("Night watch", True)
    assert "Night watch" in client.get("/projects/shapes/members/").content.decode()
    shown = browser(kim).get("/docs/can/?project=shapes&role=night-watch").content.decode()
    assert "What can Night watch do?" in shown
    client.post(f"/projects/shapes/roles/{role.pk}/", {"name": "Night watch", "permissions": ["job.view"]})
    role.refresh_from_db()
    assert role.permissions == ["project.view", "job.view"]
    removed = client.post(f"/projects/shapes/roles/{role.pk}/remove/", follow=True)
    assert "Night watch is the role of Kim" in removed.content.decode()


def test_the_matrix_page_compares_two_roles_and_hides_the_roles_of_other_projects(
    made: CustomRole, viewer: Any, stranger: Any, browser: Any
) -> None:
    text = browser(viewer).get("/docs/can/?role=viewer&with=engineer&project=shapes").content.decode()
    assert "differs" in text
    assert "Release auditor" in text
    assert "Release auditor" not in browser(stranger).get("/docs/can/?project=shapes").content.decode()

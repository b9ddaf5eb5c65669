"""View as a role: what somebody with the role sees, never more than oneself may, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.access import policy
from deployhub.access.models import Membership
from deployhub.access.vocab import ROLE_PERMISSIONS
from deployhub.accounts.models.security_policy import ONLY_ROW, SecurityPolicy
from deployhub.accounts.selectors import mfa_is_demanded
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Preview
from deployhub.kernel.errors import Forbidden
from deployhub.registry.services.roles import custom_role_create

pytestmark = pytest.mark.django_db

START, STOP = "/projects/shapes/view-as/", "/view-as/stop/"


def test_promise_13_an_owner_sees_as_a_viewer_changes_nothing_and_stops(
    owner: Any, viewer: Any, project: Any, browser: Any
) -> None:
    client = browser(owner)
    assert client.get("/projects/shapes/settings/").status_code == 200
    assert client.post(START, {"role": "viewer"}, follow=True).status_code == 200
    page = client.get("/projects/shapes/").content.decode()
    assert "You are viewing as Viewer in Shapes" in page
    assert client.get("/projects/shapes/settings/").status_code == 403
    refused = client.post("/projects/shapes/settings/", {"name": "Mine now"})
    assert refused.status_code == 403
    assert client.post("/account/", {"name": "New name", "email": ""}).status_code == 403, (
        "not even the own account"
    )
    client.post(STOP)
    assert client.get("/projects/shapes/settings/").status_code == 200
    assert "You are viewing as" not in client.get("/projects/shapes/").content.decode()


def test_promise_13_what_the_role_may_do_is_refused_too_with_a_clear_sentence(
    owner: Any, project: Any, browser: Any
) -> None:
    client = browser(owner)
    client.post(START, {"role": "owner"})
    answer = client.patch(
        f"/api/v1/projects/{project.pk}/",
        {"name": "Mine"},
        content_type="application/json",
        headers={"X-CSRFToken": "x"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "previewing")
    assert "You are viewing as Owner in Shapes, so nothing can be changed" in answer.json()["detail"]
    project.refresh_from_db()
    assert project.name == "Shapes"
    denied = AuditEvent.objects.filter(action="project.update", outcome="denied").get()
    assert denied.acting_as == "Owner in Shapes"


def test_start_and_stop_are_events_and_what_was_seen_meanwhile_says_so(
    owner: Any, project: Any, browser: Any
) -> None:
    client = browser(owner)
    client.post(START, {"role": "engineer"})
    client.get("/models/")
    client.post(STOP)
    client.get("/models/")
    seen = AuditEvent.objects.filter(
        actor_id=owner.pk, action__in=("preview.start", "preview.stop", "model.view")
    )
    assert [(e.action, e.acting_as) for e in seen.order_by("id")] == [
        ("preview.start", ""),
        ("model.view", "Engineer in Shapes"),
        ("preview.stop", "Engineer in Shapes"),
        ("model.view", ""),
    ]


def test_a_preview_ends_at_its_project_and_lays_the_global_role_down(
    administrator: Any, project: Any, foreign_project: Any, browser: Any
) -> None:
    client = browser(administrator)
    client.post(START, {"role": "viewer"})
    assert client.get("/projects/shapes/").status_code == 200
    assert client.get("/projects/elsewhere/").status_code == 404
    for address in ("/users/", "/audit/", "/system/"):
        assert client.get(address).status_code == 403


def test_promise_13_a_preview_is_never_more_than_the_person_holds_now(
    owner: Any, project: Any, acting: Any, browser: Any
) -> None:
    """Demoted while they view as an owner: the next request shows what a viewer sees, removed: nothing."""
    client = browser(owner)
    client.post(START, {"role": "owner"})
    with system_scope("demoted"):
        Membership.objects.filter(user=owner).update(role="viewer")
    assert client.get("/projects/shapes/settings/").status_code == 403
    previewing = acting(owner, acting_as="Owner in Shapes", preview=Preview(project.pk, "owner"))
    held = {code for code in ROLE_PERMISSIONS["owner"] if policy.can(previewing, code, project)}
    assert held == ROLE_PERMISSIONS["viewer"]
    with system_scope("removed"):
        Membership.objects.filter(user=owner).delete()
    assert client.get("/projects/shapes/").status_code in (403, 404)
    client.post(STOP)


@pytest.mark.parametrize("who", ["engineer", "release_manager", "viewer", "auditor"])
def test_promise_13_only_owners_and_administrators_view_as_a_role(
    who: str, request: pytest.FixtureRequest, project: Any, browser: Any
) -> None:
    client = browser(request.getfixturevalue(who))
    assert client.post(START, {"role": "owner"}).status_code == 403
    assert "view_as" not in client.session


def test_a_projects_own_role_can_be_viewed_as_and_a_made_up_one_not(
    owner: Any, project: Any, acting: Any, browser: Any
) -> None:
    custom_role_create(actor=acting(owner), project=project, name="Job keeper", permissions=["job.view"])
    client = browser(owner)
    assert client.post(START, {"role": "emperor"}).status_code == 404
    client.post(START, {"role": "job-keeper"})
    assert client.get("/jobs/").status_code == 200
    assert client.get("/models/").status_code == 403


def test_promise_16_viewing_as_a_viewer_is_no_way_around_the_second_factor(
    owner: Any, project: Any, acting: Any
) -> None:
    with system_scope("owners need one"):
        SecurityPolicy.objects.create(pk=ONLY_ROW, mfa_required_roles=["owner"])
    assert mfa_is_demanded(acting(owner, acting_as="Viewer in Shapes", preview=Preview(project.pk, "viewer")))


def test_a_token_never_previews(owner: Any, project: Any, api: Any, browser: Any) -> None:
    """Not by a call, and not because its owner does in a browser."""
    browser(owner).post(START, {"role": "viewer"})
    answer = api(owner).patch(f"/api/v1/projects/{project.pk}/", {"name": "By token"}, format="json")
    assert answer.status_code == 200


def test_a_preview_does_not_start_within_a_preview(
    owner: Any, project: Any, browser: Any, acting: Any
) -> None:
    client = browser(owner)
    client.post(START, {"role": "owner"})
    assert client.post(START, {"role": "viewer"}).status_code == 403
    previewing = acting(owner, acting_as="Owner in Shapes", preview=Preview(project.pk, "owner"))
    with pytest.raises(Forbidden):
        policy.require_not_previewing(previewing, "preview.start", project)

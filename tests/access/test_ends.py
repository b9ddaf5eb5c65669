"""Memberships that end by themselves, and requests for access."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from deployhub.access import policy
from deployhub.access.models import AccessRequest, Membership
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.portal.services import sweep
from deployhub.registry.services.access_requests import (
    access_request_approve,
    access_request_create,
    access_request_decline,
    access_request_withdraw,
)
from deployhub.registry.services.members import membership_grant

pytestmark = pytest.mark.django_db


@pytest.fixture
def kim(person: Any) -> Any:
    return person("kim")


def end_now(user: Any) -> None:
    with system_scope("the time has passed"):
        Membership.objects.filter(user=user).update(expires_at=utc_now() - timedelta(seconds=1))


def ask(acting: Any, user: Any, **changes: Any) -> AccessRequest:
    wanted = {"slug": "shapes", "role": "engineer", "reason": "to help out", "duration_days": 14, **changes}
    return access_request_create(actor=acting(user), **wanted)


def test_promise_19_a_membership_ends_at_the_next_request_without_anybody_acting(
    owner: Any, kim: Any, project: Any, acting: Any, browser: Any, api: Any
) -> None:
    membership_grant(actor=acting(owner), project=project, username="kim", role="engineer", days=1)
    page, rest = browser(kim), api(kim)
    assert page.get("/projects/shapes/").status_code == 200
    end_now(kim)
    assert page.get("/projects/shapes/").status_code == 403
    assert rest.get(f"/api/v1/projects/{project.pk}/").status_code == 403
    assert policy.roles_of(acting(kim)) == {}


def test_the_sweep_takes_ended_memberships_away_and_tells_the_log(
    owner: Any, kim: Any, project: Any, acting: Any
) -> None:
    membership_grant(actor=acting(owner), project=project, username="kim", role="viewer", days=1)
    end_now(kim)
    assert sweep()["memberships"] == 1
    event = AuditEvent.objects.get(action="membership.expire")
    assert (event.actor_kind, event.project_id, event.operation) == ("system", project.pk, "delete")
    assert Membership.objects.filter(user=owner).exists()


def test_the_last_owner_without_an_end_stays_one(owner: Any, kim: Any, project: Any, acting: Any) -> None:
    """Two owners of whom one ends next week: the other is the one that must last."""
    membership_grant(actor=acting(owner), project=project, username="kim", role="owner", days=7)
    with pytest.raises(Conflict) as refused:
        membership_grant(actor=acting(kim), project=project, username="owner", role="viewer")
    assert refused.value.code == "last_owner"
    with pytest.raises(Conflict):
        membership_grant(actor=acting(owner), project=project, username="owner", role="owner", days=3)


def test_changing_a_role_keeps_its_end_unless_told(owner: Any, kim: Any, project: Any, acting: Any) -> None:
    first = membership_grant(actor=acting(owner), project=project, username="kim", role="viewer", days=7)
    second = membership_grant(actor=acting(owner), project=project, username="kim", role="engineer")
    assert second.expires_at == first.expires_at
    third = membership_grant(actor=acting(owner), project=project, username="kim", role="engineer", days=0)
    assert third.expires_at is None


def _blank(text: str) -> str:
    text = re.sub(
        r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z?|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\b[0-9a-f]{32}\b|[A-Za-z0-9]{64}",
        "~",
        text,
    )
    return text.replace("elsewhere", "SLUG").replace("elsewhale", "SLUG")


def test_promise_14_asking_for_access_never_tells_whether_the_project_exists(
    foreign_project: Any, person: Any, browser: Any, api: Any
) -> None:
    """Byte by byte, at both doors: made, asked twice, with a role of nobody's, listed, read, withdrawn."""
    seen: dict[str, list[Any]] = {}
    for slug in ("elsewhere", "elsewhale"):
        user = person(f"asker_{slug}", email="a@b.c")
        rest, page, answers = api(user), browser(user), []
        body = {"project": slug, "role": "viewer", "reason": "to look", "duration_days": 7}
        made = rest.post("/api/v1/access-requests/", body, format="json")
        answers.append((made.status_code, _blank(made.content.decode())))
        again = rest.post("/api/v1/access-requests/", body, format="json")
        answers.append((again.status_code, _blank(again.content.decode())))
        odd = rest.post("/api/v1/access-requests/", {**body, "role": "steward"}, format="json")
        answers.append((odd.status_code, _blank(odd.content.decode())))
        form = {"slug": slug, "role": "owner", "reason": "x", "duration_days": "7"}
        for response in (page.get("/account/access/"), page.post("/account/access/", form)):
            answers.append((response.status_code, _blank(response.content.decode())))
        for verb, end in (("get", ""), ("post", "withdraw/"), ("post", "withdraw/")):
            response = getattr(rest, verb)(f"/api/v1/access-requests/{made.json()['id']}/{end}")
            answers.append((response.status_code, _blank(response.content.decode())))
        seen[slug] = [
            (status, text.replace(user.username, "ME").replace(user.name, "ME").replace("AE", ""))
            for status, text in answers
        ]
    assert [status for status, _ in seen["elsewhere"]] == [201, 409, 400, 200, 409, 200, 200, 409]
    for one, other in zip(seen["elsewhere"], seen["elsewhale"], strict=True):
        assert one[0] == other[0]
        assert one[1].splitlines() == other[1].splitlines()


def test_an_owner_approves_shortens_and_the_role_ends_by_itself(
    owner: Any, kim: Any, project: Any, acting: Any, browser: Any
) -> None:
    asked = ask(acting, kim)
    assert "asks to be engineer" in browser(owner).get("/").content.decode(), (
        "it waits for the owner on the dashboard"
    )
    done = browser(owner).post(f"/projects/shapes/access-requests/{asked.pk}/approve/", {"days": "3"})
    assert done.status_code == 302
    member = Membership.objects.get(user=kim)
    assert member.role == "engineer"
    assert timedelta(days=2) < member.expires_at - utc_now() < timedelta(days=4)
    assert "Your role in Shapes ends soon" in browser(kim).get("/").content.decode()
    asked.refresh_from_db()
    assert (asked.state, asked.granted_days, asked.decided_by) == ("approved", 3, owner)
    end_now(kim)
    assert browser(kim).get("/projects/shapes/").status_code == 403


def test_an_approval_never_lasts_longer_than_what_was_asked_for(
    owner: Any, kim: Any, project: Any, acting: Any
) -> None:
    asked = ask(acting, kim, duration_days=2)
    with pytest.raises(InvalidInput):
        access_request_approve(actor=acting(owner), request=asked, days=3)
    assert not Membership.objects.filter(user=kim).exists()


def test_a_decline_says_why_and_gives_nothing(
    owner: Any, kim: Any, project: Any, acting: Any, api: Any
) -> None:
    asked = ask(acting, kim)
    with pytest.raises(InvalidInput):
        access_request_decline(actor=acting(owner), request=asked, reason=" ")
    address = f"/api/v1/projects/{project.pk}/access-requests/{asked.pk}/decline/"
    assert api(owner).post(address, {"reason": "Ask in the spring"}, format="json").status_code == 200
    mine = api(kim).get(f"/api/v1/access-requests/{asked.pk}/").json()
    assert (mine["state"], mine["decision_reason"]) == ("declined", "Ask in the spring")
    assert not Membership.objects.filter(user=kim).exists()


def test_of_two_owners_who_decide_at_once_one_does(
    owner: Any, kim: Any, project: Any, person: Any, acting: Any
) -> None:
    second = person("second", role="owner", project=project)
    asked = ask(acting, kim)
    stale = AccessRequest.objects.get(pk=asked.pk)
    access_request_approve(actor=acting(owner), request=asked)
    with pytest.raises(Conflict) as refused:
        access_request_decline(actor=acting(second), request=stale, reason="no")
    assert refused.value.code == "already_decided"


def test_nobody_approves_their_own_request(owner: Any, person: Any, project: Any, acting: Any) -> None:
    admin = person("admin", is_administrator=True)
    asked = ask(acting, admin, role="owner")
    with pytest.raises(Forbidden) as refused:
        access_request_approve(actor=acting(admin), request=asked)
    assert refused.value.code == "other_person_needed"
    assert AuditEvent.objects.filter(action="access.decide", outcome="denied").count() == 1


@pytest.mark.parametrize("who", ["engineer", "release_manager", "viewer", "auditor"])
def test_promise_13_only_owners_and_administrators_decide(
    who: str, request: pytest.FixtureRequest, kim: Any, project: Any, acting: Any
) -> None:
    asked = ask(acting, kim)
    with pytest.raises(Forbidden):
        access_request_approve(actor=acting(request.getfixturevalue(who)), request=asked)


def test_a_member_asks_for_a_higher_role_and_a_request_can_be_withdrawn(
    viewer: Any, project: Any, acting: Any
) -> None:
    with pytest.raises(Conflict):
        ask(acting, viewer, role="viewer")
    asked = ask(acting, viewer, role="engineer")
    access_request_withdraw(actor=acting(viewer), request=asked)
    assert ask(acting, viewer, role="owner").state == "waiting"


def test_a_request_that_nobody_answers_lapses(kim: Any, project: Any, acting: Any) -> None:
    asked = ask(acting, kim)
    with system_scope("a month passes"):
        AccessRequest.objects.filter(pk=asked.pk).update(created_at=utc_now() - timedelta(days=31))
    assert sweep()["requests"] == 1
    asked.refresh_from_db()
    assert asked.state == "lapsed"

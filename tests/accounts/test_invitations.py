"""Invitations: a link that works once, gives no more than its maker holds, and opens no account that exists."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from deployhub.access.models import Membership
from deployhub.accounts.models import Invitation, User
from deployhub.accounts.services.invitations import invitation_create, invitation_resend, member_invite
from deployhub.accounts.services.joining import invitation_accept, invitation_join, invitation_open
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import ANONYMOUS
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput

STRONG = "a calm blue river at noon"
PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def brings(code: str, client: Client | None = None) -> Client:
    """Somebody who opened the link."""
    client = client or Client()
    client.post("/join/", {"code": code})
    return client


def makes_account(client: Client, username: str = "nadia") -> Any:
    body = {"username": username, "name": "Nadia N", "new_password": STRONG, "again": STRONG}
    return client.post("/join/accept/", body)


@pytest.fixture
def invited(owner: Any, project: Any, acting: Any) -> tuple[Invitation, str]:
    """An owner invites an engineer."""
    return member_invite(actor=acting(owner), project=project, role="engineer", email="nadia@site.example")


def test_a_link_that_was_used_opens_nothing_a_second_time(invited):
    first, late = brings(invited[1]), brings(invited[1])
    assert makes_account(first).headers["Location"] == "/sign-in/"
    assert makes_account(late, "mallory").headers["Location"] == "/join/"
    assert brings(invited[1]).get("/join/accept/").headers["Location"] == "/join/"
    assert list(User.objects.filter(username__in=["nadia", "mallory"]).values_list("username")) == [
        ("nadia",)
    ]


def test_an_expired_link_a_revoked_one_and_a_replaced_one_open_nothing(owner, invited, acting, browser):
    invitation, code = invited
    waiting = brings(code)
    _, fresh = invitation_resend(actor=acting(owner), invitation=Invitation.objects.get())
    assert makes_account(waiting).headers["Location"] == "/join/"
    with pytest.raises(InvalidInput):
        invitation_open(actor=ANONYMOUS, code=code)
    assert invitation_open(actor=ANONYMOUS, code=fresh).pk == invitation.pk
    with system_scope("a test's clock"):
        Invitation.objects.update(expires_at=now() - timedelta(minutes=1))
    with pytest.raises(InvalidInput):
        invitation_open(actor=ANONYMOUS, code=fresh)
    with system_scope("a test's clock"):
        Invitation.objects.update(expires_at=now() + timedelta(days=1))
    browser(owner).post(f"/invitations/{invitation.pk}/revoke/")
    with pytest.raises(InvalidInput):
        invitation_open(actor=ANONYMOUS, code=fresh)
    assert User.objects.count() == 1


def test_guessing_a_code_is_slowed_down_like_a_sign_in_and_told_in_the_same_words(invited, client):
    code = invited[1]
    near, unknown = code[:-1] + ("A" if code[-1] != "A" else "B"), "dh_inv_" + "0" * 32 + "_" + "x" * 43
    answers = {
        client.post("/join/", {"code": guess}).content.count(b"does not exist") for guess in (near, unknown)
    }
    assert answers == {1}
    assert client.post("/join/", {"code": "no code at all"}).status_code == 422
    told = [client.post("/join/", {"code": near}).status_code for _ in range(30)]
    assert told[-1] == 429
    assert client.post("/join/", {"code": code}).status_code == 429
    assert AuditEvent.objects.filter(action="invitation.accept", outcome="failed").count() > 20


def test_looking_at_an_invitation_spends_nothing_and_no_get_accepts_it(invited):
    client = brings(invited[1])
    for _ in range(3):
        assert client.get("/join/accept/").status_code == 200
    assert Invitation.objects.get().state == "pending"
    assert not User.objects.filter(username="nadia").exists()


def test_the_code_is_in_no_address_no_log_and_not_in_the_database(owner, project, browser):
    page = (
        browser(owner)
        .post("/invitations/new/", {"project": str(project.pk), "role": "viewer", "days": "7"})
        .content.decode()
    )
    link = re.search(r'<code id="secret">([^<]+)</code>', page)
    assert link is not None
    before, _, code = link[1].partition("#")
    assert before.endswith("/join/")
    row = Invitation.objects.get()
    assert code.split("_")[-1] not in str(vars(row))
    told = str(list(AuditEvent.objects.values_list("changes", "reason")))
    assert code not in told
    assert row.digest not in told


def test_nobody_invites_into_a_role_that_holds_more_than_their_own(
    engineer, project, person, acting, browser
):
    steward = person("steward")
    from deployhub.access.models import CustomRole

    with system_scope("a role that may invite"):
        role = CustomRole.objects.create(
            project=project, name="Inviter", slug="inviter", permissions=["project.view", "member.invite"]
        )
        Membership.objects.create(project=project, user=steward, role="custom", custom_role=role)
    with pytest.raises(Forbidden, match="may do what yours may not"):
        member_invite(actor=acting(steward), project=project, role="owner")
    with pytest.raises(Forbidden):
        member_invite(actor=acting(engineer), project=project, role="viewer")
    assert browser(engineer).get("/invitations/new/").status_code == 403


def test_an_owner_gives_no_global_role_and_none_of_another_project(
    owner, project, foreign_project, api, browser
):
    client = api(owner)
    for body in (
        {"is_administrator": True},
        {"project": str(project.pk), "role": "viewer", "is_auditor": True},
        {},
    ):
        assert client.post("/api/v1/invitations/", body, format="json").status_code == 403
    foreign = {"project": str(foreign_project.pk), "role": "viewer"}
    assert client.post("/api/v1/invitations/", foreign, format="json").status_code == 400
    body = {"project": str(foreign_project.pk), "role": "viewer", "days": "7"}
    assert browser(owner).post("/invitations/new/", body).status_code == 422
    assert not Invitation.objects.exists()


def test_an_inviter_who_lost_the_right_gives_nothing_and_both_are_told(
    owner, person, project, invited, browser
):
    with system_scope("another owner steps in"):
        person("heir", role="owner", project=project)
        Membership.objects.filter(user=owner).update(role="viewer")
    client = brings(invited[1])
    assert "may not give this role any more" in client.get("/join/accept/").content.decode()
    makes_account(client)
    assert not User.objects.filter(username="nadia").exists()
    row = Invitation.objects.get()
    assert row.state == "not_granted"
    assert "may not give this role any more" in row.withheld
    heir = User.objects.get(username="heir")
    assert "may not give this role any more" in browser(heir).get("/invitations/").content.decode()


def test_an_inviter_who_was_deactivated_gives_nothing(owner, viewer, invited, acting):
    with system_scope("they left"):
        User.objects.filter(pk=owner.pk).update(is_active=False)
    promise = invitation_accept(actor=acting(viewer), invitation=Invitation.objects.get())
    assert promise.granted == []
    assert "not active any more" in promise.withheld[0]
    assert Membership.objects.get(user=viewer).role == "viewer"


def test_of_a_global_role_and_a_project_role_the_one_that_still_can_be_given_is(
    administrator, project, owner, acting
):
    _, code = invitation_create(actor=acting(administrator), project=project, role="viewer", is_auditor=True)
    with system_scope("an administrator no more, an owner still"):
        Membership.objects.create(project=project, user=administrator, role="owner")
        User.objects.filter(pk=administrator.pk).update(is_administrator=False)
    makes_account(brings(code))
    nadia = User.objects.get(username="nadia")
    assert not nadia.is_auditor
    assert Membership.objects.get(user=nadia).role == "viewer"
    assert "Auditor" in Invitation.objects.get().withheld


def test_an_invitation_to_the_address_of_an_account_signs_nobody_in_to_it(owner, engineer, project, acting):
    with system_scope("an address"):
        User.objects.filter(pk=engineer.pk).update(email="eng@site.example")
    _, code = member_invite(actor=acting(owner), project=project, role="owner", email="eng@site.example")
    client = brings(code)
    assert makes_account(client, "engineer").status_code == 422
    assert makes_account(client, "ENGINEER").status_code == 422
    assert "_auth_user_id" not in client.session
    assert Membership.objects.get(user=engineer).role == "engineer"
    assert Invitation.objects.get().state == "pending"


def test_promise_16_who_makes_an_account_signs_in_by_the_one_way_in(invited, signed_in):
    client = brings(invited[1])
    assert makes_account(client).headers["Location"] == "/sign-in/"
    assert not signed_in(client)
    client.post("/sign-in/", {"username": "nadia", "password": STRONG})
    assert signed_in(client)
    nadia = User.objects.get(username="nadia")
    assert (nadia.email, nadia.is_administrator) == ("nadia@site.example", False)
    membership = Membership.objects.get(user=nadia)
    assert (membership.role, membership.expires_at) == ("engineer", None)
    events = AuditEvent.objects.filter(action="invitation.accept", outcome="success")
    assert set(events.values_list("object_type", flat=True)) == {"user", "invitation", "membership"}


@pytest.mark.parametrize("password", ["short", "qwerty123456", "nadia-nadia-nadia"])
def test_a_weak_password_is_refused_and_the_invitation_stays(invited, password):
    client = brings(invited[1])
    body = {"username": "nadia", "name": "Nadia", "new_password": password, "again": password}
    assert client.post("/join/accept/", body).status_code == 422
    assert Invitation.objects.get().state == "pending"


def test_who_is_signed_in_confirms_and_keeps_what_they_hold(owner, viewer, invited, project, browser):
    client = brings(invited[1], browser(viewer))
    assert "Accept as viewer" in client.get("/join/accept/").content.decode()
    client.post("/join/accept/")
    assert Membership.objects.get(user=viewer).role == "engineer"
    assert Invitation.objects.get().accepted_by_id == viewer.pk


def test_an_invitation_never_lowers_the_role_that_somebody_has(owner, project, acting):
    _, _ = member_invite(actor=acting(owner), project=project, role="viewer")
    invitation_accept(actor=acting(owner), invitation=Invitation.objects.get())
    assert Membership.objects.get(user=owner).role == "owner"


def test_a_global_role_asks_to_sign_in_again(administrator, viewer, acting, browser):
    _, code = invitation_create(actor=acting(administrator), is_auditor=True)
    client = brings(code, browser(viewer))
    client.post("/join/accept/")
    viewer.refresh_from_db()
    assert viewer.is_auditor
    assert client.get("/account/").status_code == 302


def test_a_role_for_some_days_begins_at_the_acceptance(owner, project, acting):
    member_invite(actor=acting(owner), project=project, role="viewer", role_days=10)
    user, _ = invitation_join(
        actor=ANONYMOUS, invitation=Invitation.objects.get(), username="nadia", name="N", new_password=STRONG
    )
    ends = Membership.objects.get(user=user).expires_at
    assert timedelta(days=9, hours=23) < ends - now() < timedelta(days=10, minutes=1)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_bring_the_same_link_at_once_one_gets_in(invited, race):
    names = ["one", "two", "three"]

    def join() -> bool:
        name = names.pop()
        try:
            invitation_join(
                actor=ANONYMOUS,
                invitation=Invitation.objects.select_related("project", "invited_by").get(),
                username=name,
                name=name,
                new_password=STRONG,
            )
        except Conflict:
            return False
        except BaseException:
            names.append(name)
            raise
        return True

    assert sum(race(3, join)) == 1
    assert User.objects.filter(username__in=["one", "two", "three"]).count() == 1


def test_it_is_sent_by_mail_where_mail_goes_out_and_the_page_says_which(owner, project, browser, settings):
    body = {"project": str(project.pk), "role": "viewer", "days": "7", "email": "nadia@site.example"}
    assert "Hand the link over yourself" in browser(owner).post("/invitations/new/", body).content.decode()
    assert mail.outbox == []
    settings.EMAIL_HOST = "mail.example.org"
    page = browser(owner).post("/invitations/new/", body).content.decode()
    assert "on its way to nadia@site.example" in page
    assert re.search(r"/join/#dh_inv_[0-9a-f]{32}_", mail.outbox[0].body)


@pytest.mark.parametrize("days", [0, 31])
def test_it_holds_for_30_days_at_most(owner, project, api, days):
    body = {"project": str(project.pk), "role": "viewer", "days": days}
    assert api(owner).post("/api/v1/invitations/", body, format="json").status_code == 400


def test_the_api_makes_lists_renews_revokes_and_accepts(owner, viewer, stranger, project, api, browser):
    client = api(owner)
    made = client.post(
        "/api/v1/invitations/", {"project": str(project.pk), "role": "engineer"}, format="json"
    ).json()
    address = f"/api/v1/invitations/{made['id']}/"
    assert "link" not in client.get(address).json()
    assert api(stranger).get(address).status_code == 404
    again = client.post(f"{address}resend/").json()
    assert again["link"] != made["link"]
    body = {"code": again["link"].partition("#")[2]}
    assert api(viewer).post("/api/v1/invitations/accept/", body, format="json").status_code == 403
    accepted = browser(viewer).post("/api/v1/invitations/accept/", body, content_type="application/json")
    assert accepted.json() == {"granted": ["Engineer of Shapes"], "withheld": []}
    assert client.post(f"{address}revoke/").status_code == 409
    states = [row["state"] for row in client.get("/api/v1/invitations/?state=accepted").json()["results"]]
    assert states == ["accepted"]

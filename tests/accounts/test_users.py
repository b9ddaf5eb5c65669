"""Accounts, as administrators look after them; the own profile and password."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from django.test import Client

from deployhub.accounts.models import User
from deployhub.audit.models import AuditEvent

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def one_time_password(page: str) -> str:
    found = re.search(r'<code id="secret">([a-z2-7-]+)</code>', page)
    assert found is not None
    return found[1]


def test_an_administrator_creates_an_account_whose_one_time_password_must_be_replaced(administrator, browser):
    page = browser(administrator).post(
        "/users/new/", {"username": "nadia", "name": "Nadia", "is_auditor": "on"}
    )
    newcomer = Client()
    answer = newcomer.post(
        "/sign-in/", {"username": "nadia", "password": one_time_password(page.content.decode())}
    )
    assert answer.status_code == 302
    assert newcomer.get("/audit/").headers["Location"] == "/account/password/"
    nadia = User.objects.get(username="nadia")
    assert (nadia.is_auditor, nadia.is_administrator, nadia.must_change_password) == (True, False, True)
    event = AuditEvent.objects.get(action="user.create")
    assert event.actor_id == administrator.pk
    assert event.changes["password"] == [None, "••••••"]


@pytest.mark.parametrize("username", ["engineer", "ENGINEER", "", "a b", "x" * 61])
def test_a_name_that_is_taken_or_not_valid_is_refused_at_both_doors(
    administrator, engineer, browser, api, username
):
    assert browser(administrator).post("/users/new/", {"username": username}).status_code == 422
    assert api(administrator).post("/api/v1/users/", {"username": username}, format="json").status_code == 400
    assert User.objects.count() == 2


def test_nobody_else_reaches_the_accounts(engineer, viewer, owner, auditor, administrator, browser, api):
    for person in (engineer, viewer, owner):
        assert browser(person).get("/users/").status_code == 403
        assert browser(person).get(f"/users/{administrator.pk}/").status_code == 403
        assert api(person).get(f"/api/v1/users/{administrator.pk}/").status_code == 403
    for method, path in (
        ("post", "/users/new/"),
        ("post", f"/users/{engineer.pk}/"),
        ("post", f"/users/{engineer.pk}/reset/"),
    ):
        assert getattr(browser(auditor), method)(path, {"username": "x"}).status_code == 403
    assert browser(auditor).get("/users/").status_code == 200


def test_reading_accounts_is_recorded(administrator, engineer, browser, api):
    browser(administrator).get("/users/")
    browser(administrator).get(f"/users/{engineer.pk}/")
    api(administrator).get(f"/api/v1/users/{engineer.pk}/")
    seen = AuditEvent.objects.filter(action="user.view", operation="read", actor_id=administrator.pk)
    assert [e.object_id for e in seen.order_by("id")] == ["", str(engineer.pk), str(engineer.pk)]


def test_the_list_is_searched_and_filtered_alike_at_page_and_api(
    administrator, auditor, engineer, person, phone, browser, api
):
    person("gone", is_active=False)
    phone(engineer)
    page, client = browser(administrator), api(administrator)
    for query, names in (
        ("q=engin", {"engineer"}),
        ("role=auditor", {"auditor"}),
        ("role=none", {"engineer", "gone"}),
        ("state=inactive", {"gone"}),
        ("second_factor=yes", {"engineer"}),
        ("second_factor=no&state=active", {"administrator", "auditor"}),
    ):
        assert {u["username"] for u in client.get(f"/api/v1/users/?{query}").json()["results"]} == names
        rows = re.findall(
            r'row-link" href="/users/[^"]+">([^<]+)<', page.get(f"/users/?{query}").content.decode()
        )
        assert {row.lower() for row in rows} == names
    ordered = [u["username"] for u in client.get("/api/v1/users/?sort=-username").json()["results"]]
    assert ordered == sorted(ordered, reverse=True)


def test_the_last_active_administrator_stays_one(administrator, api, browser, person):
    person("sleeping", is_administrator=True, is_active=False)
    answer = api(administrator).patch(
        f"/api/v1/users/{administrator.pk}/", {"is_administrator": False}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
    assert browser(administrator).post(f"/users/{administrator.pk}/", {"name": "x"}).status_code == 409
    person("second", is_administrator=True)
    assert browser(administrator).post(f"/users/{administrator.pk}/", {"name": "x"}).status_code == 302
    administrator.refresh_from_db()
    assert not administrator.is_administrator


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_remove_each_other_at_once_leave_one(administrator, person, acting, race):
    from deployhub.accounts.services.users import user_deactivate
    from deployhub.kernel.errors import Conflict

    second = person("second", is_administrator=True)
    pairs = [(administrator, second), (second, administrator)]
    mine = threading.local()

    def remove() -> bool:
        if not hasattr(mine, "pair"):
            mine.pair = pairs.pop()
        actor, other = mine.pair
        try:
            user_deactivate(actor=acting(actor), user=User.objects.get(pk=other.pk))
        except Conflict:
            return False
        return True

    assert sum(race(2, remove)) == 1
    assert User.objects.filter(is_administrator=True, is_active=True).count() == 1


def test_a_reset_takes_password_sessions_and_tokens_and_gives_a_one_time_password(
    administrator, engineer, browser, api
):
    token = api(engineer)
    page = browser(administrator).post(f"/users/{engineer.pk}/reset/").content.decode()
    assert token.get("/api/v1/me/").status_code == 401
    client = Client()
    assert client.post("/sign-in/", {"username": "engineer", "password": PASSWORD}).status_code == 422
    client.post("/sign-in/", {"username": "engineer", "password": one_time_password(page)})
    assert client.get("/").headers["Location"] == "/account/password/"
    actions = AuditEvent.objects.filter(action="user.reset").values_list("object_type", flat=True)
    assert set(actions) == {"user", "apitoken"}


def test_an_administrator_cannot_reset_or_deactivate_themselves(administrator, person, browser):
    person("second", is_administrator=True)
    for act in ("reset", "deactivate"):
        browser(administrator).post(f"/users/{administrator.pk}/{act}/")
    administrator.refresh_from_db()
    assert administrator.is_active
    assert administrator.check_password(PASSWORD)


def test_everybody_changes_their_own_name(viewer, browser):
    browser(viewer).post("/account/", {"name": "Vi Ewer", "email": "vi@site.example"})
    viewer.refresh_from_db()
    assert (viewer.name, viewer.email) == ("Vi Ewer", "vi@site.example")
    assert AuditEvent.objects.get(action="account.update").changes["name"] == ["Viewer", "Vi Ewer"]


def test_saving_an_unchanged_profile_is_no_error(viewer, browser):
    assert browser(viewer).post("/account/", {"name": "Viewer", "email": ""}).status_code == 302


def change(client: Any, old: str, new: str, again: str | None = None) -> Any:
    body = {"old_password": old, "new_password": new, "again": new if again is None else again}
    return client.post("/account/password/", body)


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(engineer, browser):
    here, elsewhere = browser(engineer), browser(engineer)
    assert change(here, PASSWORD, "a calm blue river at noon").status_code == 302
    assert here.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("not mine", "a calm blue river at noon", None),
        (PASSWORD, "a calm blue river at noon", "a calm blue river at moon"),
        (PASSWORD, "short", None),
        (PASSWORD, "qwerty123456", None),
        (PASSWORD, "engineer-123", None),
        (PASSWORD, PASSWORD, None),
        ("", "a calm blue river at noon", None),
    ],
)
def test_a_password_is_not_changed_without_the_old_one_nor_to_a_weak_one(engineer, browser, old, new, again):
    assert change(browser(engineer), old, new, again).status_code == 422
    engineer.refresh_from_db()
    assert engineer.check_password(PASSWORD)


def test_who_am_i_tells_roles_and_token(engineer, api, project):
    me = api(engineer, scopes=["read"]).get("/api/v1/me/").json()
    assert me["roles"] == [
        {
            "project_id": str(project.pk),
            "project_slug": "shapes",
            "project_name": "Shapes",
            "role": "engineer",
            "expires_at": None,
        }
    ]
    assert me["token"]["scopes"] == ["read"]
    assert "digest" not in str(me)

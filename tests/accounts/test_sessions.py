"""Sessions: seen, ended, and ended by themselves; promises 18 and 19."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from deployhub.accounts.models import SecurityPolicy, User, UserSession
from deployhub.accounts.models.security_policy import ONLY_ROW
from deployhub.accounts.services.sessions import sessions_sweep
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now

PASSWORD = "correct horse battery staple"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
pytestmark = pytest.mark.django_db


def enter(username: str = "engineer", **headers: str) -> Client:
    client = Client(headers={"User-Agent": FIREFOX, **headers})
    answer = client.post("/sign-in/", {"username": username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def rewind(**times: Any) -> None:
    UserSession.objects.all().unaudited_update(**times)


def test_promise_18_neither_the_session_table_nor_the_row_holds_the_key(engineer):
    client = enter()
    key = client.session.session_key
    stored = [str(row.__dict__) for row in (*Session.objects.all(), *UserSession.objects.all())]
    assert len(stored) >= 2
    assert not [text for text in stored if key in text]
    assert is_in(client)


def test_promise_19_a_session_that_its_owner_ended_is_refused_at_the_next_request(engineer):
    here, there = enter(), enter()
    row = UserSession.objects.exclude(pk=here.session["session_id"]).get()
    assert here.post(f"/account/sessions/{row.pk}/revoke/").status_code == 302
    assert not is_in(there)
    assert is_in(here)
    row.refresh_from_db()
    assert row.end_reason == "revoked"
    assert AuditEvent.objects.filter(action="session.revoke", actor_id=engineer.pk).exists()


def test_promise_19_a_session_that_an_administrator_ended_is_refused_at_page_and_api(
    engineer, administrator, browser
):
    there = enter()
    assert browser(administrator).post(f"/users/{engineer.pk}/sessions/revoke/").status_code == 302
    assert there.get("/api/v1/me/").status_code == 401
    assert not is_in(there)


def test_all_other_sessions_end_and_this_one_stays(engineer):
    here, there, elsewhere = enter(), enter(), enter()
    answer = here.post("/api/v1/sessions/revoke-others/", content_type="application/json")
    assert answer.json() == {"ended": 2}
    assert (is_in(here), is_in(there), is_in(elsewhere)) == (True, False, False)


def test_a_session_cookie_without_a_row_is_no_sign_in(engineer):
    client = enter()
    with system_scope("the row is lost"):
        UserSession.objects.all().delete()
    assert not is_in(client)


def test_a_session_ends_when_it_was_not_used_for_long_and_says_so(engineer):
    client = enter()
    rewind(last_seen_at=utc_now() - timedelta(minutes=119))
    assert is_in(client)
    rewind(last_seen_at=utc_now() - timedelta(minutes=121))
    answer = client.get("/account/", follow=True)
    assert "Your session ended: not used for too long." in answer.content.decode()
    assert UserSession.objects.get().end_reason == "idle"
    assert AuditEvent.objects.filter(action="session.expire", actor_id=engineer.pk).exists()


def test_a_session_ends_at_its_longest_life_however_busy_it_is(engineer, monkeypatch):
    from deployhub.accounts.services import sessions as service

    client = enter()
    monkeypatch.setattr(service, "utc_now", lambda: utc_now() + timedelta(hours=12, minutes=1))
    rewind(last_seen_at=utc_now() + timedelta(hours=12))
    assert not is_in(client)
    assert UserSession.objects.get().end_reason == "expired"


def test_the_security_policy_decides_how_long_a_session_lives(engineer):
    with system_scope("a stricter policy"):
        SecurityPolicy.objects.create(pk=ONLY_ROW, session_idle_minutes=5)
    client = enter()
    rewind(last_seen_at=utc_now() - timedelta(minutes=6))
    assert not is_in(client)


def test_a_page_that_polls_by_itself_keeps_nobody_signed_in(engineer):
    client = enter()
    long_ago = utc_now() - timedelta(minutes=90)
    rewind(last_seen_at=long_ago)
    client.get("/account/", headers={"HX-Request": "true", "HX-Target": "live-dashboard"})
    assert UserSession.objects.get().last_seen_at == long_ago
    client.get("/account/")
    assert UserSession.objects.get().last_seen_at > long_ago


def test_looking_around_writes_once_a_minute_at_most(engineer, django_assert_num_queries):
    client = enter()
    client.get("/account/")
    before = UserSession.objects.get().last_seen_at
    client.get("/account/")
    assert UserSession.objects.get().last_seen_at == before


def test_the_list_names_browser_address_and_factor_and_marks_this_one(engineer):
    here = enter()
    page = here.get("/account/sessions/").content.decode()
    assert "Firefox on Windows" in page
    assert "password alone" in page
    assert "127.0.0.1" in page
    assert page.count("this one") == 1
    told = here.get("/api/v1/sessions/").json()["results"]
    assert [(s["device"], s["is_current"], s["is_open"]) for s in told] == [
        ("Firefox on Windows", True, True)
    ]


def test_nobody_sees_or_ends_the_sessions_of_others(engineer, viewer, browser):
    enter()
    row = UserSession.objects.get(user=engineer)
    other = browser(viewer)
    assert other.post(f"/account/sessions/{row.pk}/revoke/").status_code == 404
    assert other.get(f"/api/v1/sessions/{row.pk}/").status_code == 404
    row.refresh_from_db()
    assert row.ended_at is None


def test_audit_events_carry_the_session_that_they_came_from(engineer):
    client = enter()
    client.post("/account/", {"name": "Enno", "email": ""})
    event = AuditEvent.objects.get(action="account.update")
    assert event.session_id == str(UserSession.objects.get().pk) == client.session["session_id"]


def test_signing_out_ends_the_row(engineer):
    client = enter()
    client.post("/sign-out/")
    assert UserSession.objects.get().end_reason == "signed_out"


def test_a_new_password_keeps_this_session_under_a_new_key_and_ends_the_others(engineer):
    here, there = enter(), enter()
    key = here.session.session_key
    own = "a calm blue river at noon"
    body = {"old_password": PASSWORD, "new_password": own, "again": own}
    assert here.post("/account/password/", body).status_code == 302
    assert here.session.session_key != key
    assert is_in(here)
    assert not is_in(there)
    told = here.get("/api/v1/sessions/?state=open").json()["results"]
    assert [s["is_current"] for s in told] == [True]


def test_whoever_becomes_an_administrator_signs_in_again(engineer, administrator, browser):
    client = enter()
    boss = browser(administrator)
    body = {"name": "E", "email": "", "is_administrator": "on"}
    assert boss.post(f"/users/{engineer.pk}/", body).status_code == 302
    assert not is_in(client)
    assert User.objects.get(pk=engineer.pk).is_administrator


def test_the_sweep_closes_what_nobody_came_back_to_and_forgets_what_is_old(engineer):
    enter()
    rewind(last_seen_at=utc_now() - timedelta(days=1))
    assert sessions_sweep() == {"sessions_ended": 1, "sessions_forgotten": 0}
    with system_scope("long ago"):
        UserSession.objects.all().update(ended_at=utc_now() - timedelta(days=91))
    assert sessions_sweep() == {"sessions_ended": 0, "sessions_forgotten": 1}
    assert not UserSession.objects.exists()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.5", "curl"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_told_in_words(agent, words):
    from deployhub.accounts.browsers import device_words

    assert device_words(agent) == words

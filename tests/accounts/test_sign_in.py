"""Signing in and out."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from deployhub.audit.models import AuditEvent

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def sign_in(client: Any, username: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in/", {"username": username, "password": password, **more})


def test_an_engineer_signs_in_and_lands_on_the_dashboard(client, engineer, signed_in):
    answer = sign_in(client, "engineer")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert signed_in(client)


def test_the_name_is_accepted_in_any_case(client, engineer, signed_in):
    sign_in(client, "Engineer")
    assert signed_in(client)


def test_a_sign_in_stands_in_the_audit_log_with_its_factor_and_address(client, engineer):
    sign_in(client, "engineer")
    event = AuditEvent.objects.get(action="account.sign_in")
    assert (event.outcome, event.actor_id, event.address) == ("success", engineer.pk, "127.0.0.1")
    assert event.changes == {"factor": [None, "password"]}
    assert event.session_id
    engineer.refresh_from_db()
    assert engineer.last_login is not None


def test_a_wrong_password_and_an_unknown_name_are_told_in_the_same_words(client, engineer, signed_in):
    wrong = sign_in(client, "engineer", "not the password")
    unknown = sign_in(client, "nobody", "not the password")
    assert wrong.status_code == unknown.status_code == 422
    assert "Name or password is wrong." in wrong.content.decode()
    assert wrong.content.decode().count("wrong") == unknown.content.decode().count("wrong")
    assert not signed_in(client)
    tried = AuditEvent.objects.filter(action="account.sign_in", outcome="failed").order_by("id")
    assert [e.changes["username"][1] for e in tried] == ["engineer", "nobody"]
    assert [e.object_id for e in tried] == [str(engineer.pk), ""]


def test_an_unknown_name_costs_one_password_hash_like_a_known_one(client, engineer, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed: list[str] = []
    plain = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, p, s: hashed.append(p) or plain(self, p, s))
    sign_in(client, "engineer", "not it")
    known = len(hashed)
    sign_in(client, "nobody", "not it")
    assert known == len(hashed) - known == 1


def test_a_deactivated_person_cannot_sign_in(client, person, signed_in):
    person("gone", is_active=False)
    assert sign_in(client, "gone").status_code == 422
    assert not signed_in(client)


def test_the_session_key_changes_at_sign_in(client, engineer):
    client.get("/sign-in/")
    session = client.session
    session["before"] = True
    session.save()
    planted = session.session_key
    client.cookies["deployhub_session"] = planted
    sign_in(client, "engineer")
    assert client.session.session_key != planted


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil"]
)
def test_next_never_leads_to_another_site(client, engineer, address):
    assert sign_in(client, "engineer", next=address).headers["Location"] == "/"


def test_next_leads_to_the_page_that_was_asked_for(client, engineer):
    assert sign_in(client, "engineer", next="/models/?q=a").headers["Location"] == "/models/?q=a"


def test_guessing_a_password_is_slowed_down_and_the_slow_down_holds_for_the_right_password_too(
    client, engineer, signed_in
):
    for _ in range(5):
        sign_in(client, "engineer", "guess")
    answer = sign_in(client, "engineer")
    assert answer.status_code == 429
    assert "Wait" in answer.content.decode()
    assert not signed_in(client)


def test_a_slow_down_of_one_address_does_not_lock_the_person_out_elsewhere(client, engineer, signed_in):
    for _ in range(6):
        sign_in(client, "engineer", "guess")
    client.post("/sign-in/", {"username": "engineer", "password": PASSWORD}, REMOTE_ADDR="10.0.0.9")
    assert signed_in(client)


def test_the_wait_grows_and_ends(client, engineer, signed_in):
    from deployhub.accounts.models import FailedAttempts
    from deployhub.accounts.services.attempts import wait_seconds

    assert [wait_seconds(n) for n in (4, 5, 6, 7, 60)] == [0, 2, 4, 8, 900]
    for _ in range(5):
        sign_in(client, "engineer", "guess")
    for row in FailedAttempts.objects.all():
        FailedAttempts.objects.filter(pk=row.pk).update(last_at=row.last_at - timedelta(seconds=3))
    sign_in(client, "engineer")
    assert signed_in(client)
    assert [row.count for row in FailedAttempts.objects.all()] == [
        5
    ]  # those of the address, which many share


def test_failures_of_yesterday_are_forgotten(client, engineer, signed_in):
    from deployhub.accounts.models import FailedAttempts

    for _ in range(5):
        sign_in(client, "engineer", "guess")
    rows = list(FailedAttempts.objects.all())
    for row in rows:
        FailedAttempts.objects.filter(pk=row.pk).update(count=1000, last_at=row.last_at - timedelta(hours=25))
    sign_in(client, "somebody else")
    assert max(FailedAttempts.objects.values_list("count", flat=True)) == 1
    sign_in(client, "engineer")
    assert signed_in(client)


def test_signing_out_needs_a_post_and_ends_the_session(client, engineer, signed_in):
    sign_in(client, "engineer")
    client.get("/sign-out/")
    assert signed_in(client)
    client.post("/sign-out/")
    assert not signed_in(client)
    assert AuditEvent.objects.filter(action="account.sign_out", actor_id=engineer.pk).count() == 1


def test_a_sign_in_that_cannot_be_recorded_does_not_happen(client, engineer, signed_in, monkeypatch):
    from deployhub.accounts.services import sign_in as service
    from deployhub.kernel.errors import AuditUnavailable

    def broken(*args: Any, **kwargs: Any) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(service, "event_record", broken)
    assert sign_in(client, "engineer").status_code == 503
    assert not signed_in(client)


def test_the_first_start_makes_an_administrator_once(db, capsys):
    call_command("setup_first_run")
    first = json.loads(capsys.readouterr().out)
    call_command("setup_first_run")
    second = json.loads(capsys.readouterr().out)
    assert first["created"] is True
    assert first["username"] == "admin"
    assert second == {"created": False}


@pytest.mark.django_db(transaction=True)
def test_of_many_first_starts_at_once_one_makes_the_administrator(race):
    from deployhub.accounts.models import User
    from deployhub.accounts.services.passwords import first_administrator_create

    assert sum(race(8, lambda: first_administrator_create() is not None)) == 1
    assert User.objects.count() == 1


def test_the_first_administrator_chooses_an_own_password_before_anything_else(client, db, capsys):
    call_command("setup_first_run")
    one_time = json.loads(capsys.readouterr().out)["password"]
    sign_in(client, "admin", one_time)
    assert client.get("/models/").headers["Location"] == "/account/password/"
    refused = client.get("/api/v1/models/")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    weak = client.post("/account/password/", {"new_password": "password1234", "again": "password1234"})
    assert weak.status_code == 422
    same = client.post("/account/password/", {"new_password": one_time, "again": one_time})
    assert same.status_code == 422
    own = "a calm blue river at noon"
    done = client.post("/account/password/", {"new_password": own, "again": own})
    assert (done.status_code, done.headers["Location"]) == (302, "/")
    assert client.get("/account/password/").status_code == 200
    client.post("/sign-out/")
    assert sign_in(client, "admin", one_time).status_code == 422
    assert sign_in(client, "admin", own).status_code == 302

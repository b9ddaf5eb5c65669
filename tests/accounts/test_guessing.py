"""Guessing passwords: at one account, at many, and from many addresses."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from deployhub.accounts.models import FailedAttempts
from deployhub.audit.models import AuditEvent

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def attempt(username: str, password: str = "not it at all", address: str = "10.0.0.1", **headers: str) -> Any:
    return Client(headers=headers).post(
        "/sign-in/", {"username": username, "password": password}, REMOTE_ADDR=address
    )


def test_many_addresses_that_guess_at_one_account_are_slowed_down_together(engineer):
    told = [attempt("engineer", address=f"10.1.0.{n}").status_code for n in range(20)]
    assert 429 in told
    assert attempt("engineer", PASSWORD, address="10.9.9.9").status_code == 429


def test_a_person_at_home_is_not_locked_out_by_guesses_from_elsewhere(engineer):
    assert attempt("engineer", PASSWORD, address="10.7.7.7").status_code == 302
    for n in range(20):
        attempt("engineer", address=f"10.1.0.{n}")
    assert attempt("engineer", PASSWORD, address="10.7.7.7").status_code == 302


def test_one_address_that_tries_many_accounts_is_slowed_down(engineer):
    told = [attempt(f"person{n}").status_code for n in range(30)]
    assert 429 in told
    assert attempt("engineer", PASSWORD).status_code == 429
    assert attempt("engineer", PASSWORD, address="10.0.0.2").status_code == 302


def test_an_own_account_does_not_wipe_out_what_was_guessed_at_others(engineer, viewer):
    for n in range(24):
        attempt(f"person{n}")
        if n % 4 == 0:
            attempt("viewer", PASSWORD)
    assert [attempt(f"more{n}").status_code for n in range(3)][-1] == 429


def test_an_unknown_account_is_slowed_down_like_a_known_one(engineer):
    for name in ("engineer", "nobody"):
        told = [attempt(name, address=f"10.2.{len(name)}.{n}").status_code for n in range(18)]
        assert told == [422] * 15 + [429] * 3, name


def test_a_forged_forwarding_header_does_not_evade_the_slow_down(engineer):
    told = [attempt("engineer", **{"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(8)]
    assert told[-1] == 429


def test_behind_a_proxy_only_what_the_proxy_wrote_counts(engineer, settings):
    settings.DEPLOYHUB_PROXY_COUNT = 1
    forged = [
        attempt("engineer", **{"X-Forwarded-For": f"203.0.113.{n}, 198.51.100.7"}).status_code
        for n in range(8)
    ]
    assert forged[-1] == 429
    event = AuditEvent.objects.filter(action="account.sign_in").latest("id")
    assert event.address == "198.51.100.7"


def test_an_administrator_lets_somebody_try_again(engineer, administrator, browser):
    for _ in range(6):
        attempt("engineer")
    assert attempt("engineer", PASSWORD).status_code == 429
    assert browser(administrator).post(f"/users/{engineer.pk}/unlock/").status_code == 302
    assert attempt("engineer", PASSWORD).status_code == 302
    assert AuditEvent.objects.get(action="user.unlock").object_id == str(engineer.pk)


def test_nobody_else_unlocks_an_account(engineer, owner, browser):
    assert browser(owner).post(f"/users/{engineer.pk}/unlock/").status_code == 403


def test_after_signing_in_one_is_told_what_failed_meanwhile(engineer):
    attempt("engineer", PASSWORD, address="10.7.7.7")
    for n in range(3):
        attempt("engineer", address=f"10.3.0.{n}")
    client = Client()
    client.post("/sign-in/", {"username": "engineer", "password": PASSWORD}, REMOTE_ADDR="10.7.7.7")
    page = client.get("/account/", REMOTE_ADDR="10.7.7.7").content.decode()
    assert "3 failed attempts since your last sign-in, from 10.3.0.2, 10.3.0.1, 10.3.0.0." in page
    again = Client()
    again.post("/sign-in/", {"username": "engineer", "password": PASSWORD}, REMOTE_ADDR="10.7.7.7")
    assert "failed attempt" not in again.get("/account/", REMOTE_ADDR="10.7.7.7").content.decode()


def test_guessing_tokens_slows_the_address_down(db):
    told = [
        Client().get("/api/v1/me/", headers={"Authorization": f"Bearer dh_pat_{n}"}).status_code
        for n in range(8)
    ]
    assert told[-1] == 429


def test_names_that_were_tried_are_not_kept_in_plain_words(engineer):
    attempt("my secret passphrase typed into the wrong field")
    assert "secret passphrase" not in str([row.__dict__ for row in FailedAttempts.objects.all()])

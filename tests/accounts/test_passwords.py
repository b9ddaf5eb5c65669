"""New passwords: what is refused, what is not, and what the meter says."""

from __future__ import annotations

from hashlib import sha512
from typing import Any

import pytest

from deployhub.accounts.models import User
from deployhub.accounts.services.passwords import password_check_strength
from deployhub.kernel.errors import InvalidInput

PASSWORD = "correct horse battery staple"


def refused(password: str, **person: str) -> list[str]:
    user = User(username=person.pop("username", "kim"), **person)
    try:
        password_check_strength(user=user, password=password)
    except InvalidInput as error:
        return error.errors["new_password"]
    return []


@pytest.mark.parametrize(
    "password",
    ["password1234", "qwertyuiop123", "iloveyou1234", "123456789012", "aaaaaaaaaaaaaaaa", "Passw0rd!Passw0rd!", "letmeinletmein"],
)  # fmt: skip
def test_breached_common_and_patterned_passwords_are_refused(password):
    assert refused(password)


@pytest.mark.parametrize("password", ["Wilhelmina-Oster-7", "w.oster@example.org1", "wilhelmina.oster"])
def test_a_password_made_of_the_persons_own_words_is_refused(password):
    assert refused(password, username="woster", name="Wilhelmina Oster", email="w.oster@example.org")


@pytest.mark.parametrize(
    "password", [PASSWORD, "a calm blue river at noon", "x7#kQ!pw02Lz", "schläfrige möwen über dem deich", "z" + "kq7 " * 30]
)  # fmt: skip
def test_long_or_unlikely_passwords_need_no_capitals_digits_or_signs(password):
    assert refused(password) == []


def test_a_refusal_says_what_would_help():
    assert "This password is easy to guess." in refused("qwertyuiop123")
    assert len(refused("qwertyuiop123")) > 1


def test_a_long_password_is_judged_in_no_time():
    import time

    started = time.monotonic()
    refused("Ab1 " * 64)
    assert time.monotonic() - started < 5


def test_256_characters_are_taken_and_none_is_cut_off(client, engineer, browser):
    mine = browser(engineer)
    own = sha512(b"long").hexdigest() * 2
    body = {"old_password": PASSWORD, "new_password": own, "again": own}
    assert mine.post("/account/password/", body).status_code == 302
    assert client.post("/sign-in/", {"username": "engineer", "password": own[:-1]}).status_code == 422
    assert client.post("/sign-in/", {"username": "engineer", "password": own}).status_code == 302


def test_the_meter_says_what_the_rule_will_say(engineer, browser: Any):
    mine = browser(engineer)
    weak = mine.post("/account/password/strength/", {"new_password": "qwertyuiop123"}).content.decode()
    good = mine.post(
        "/account/password/strength/", {"new_password": "a calm blue river at noon"}
    ).content.decode()
    assert "weak" in weak
    assert "good" in good
    assert "qwertyuiop123" not in weak
    page = mine.get("/account/password/").content.decode()
    assert 'hx-post="/account/password/strength/"' in page
    assert "onpaste" not in page

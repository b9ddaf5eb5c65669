"""Passkeys: set up, shown, stolen, cloned, replayed. tests/journeys/test_passkeys.py does it in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from deployhub.accounts.models import Passkey
from deployhub.audit.models import AuditEvent
from tests.accounts.conftest import b64, options_on

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def at_home() -> Client:
    """A browser at a host name, which passkeys need."""
    return Client(headers={"Host": "localhost"})


def password_step(client: Client) -> None:
    client.post("/sign-in/", {"username": "engineer", "password": PASSWORD, "next": "/models/"})


def page_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def enrol(client: Client, device: Any, name: str = "Laptop") -> Any:
    credential = device.create(page_of(client, "/account/mfa/passkeys/new/"))
    tried = client.post("/account/mfa/passkeys/new/", {"name": name, "credential": credential})
    address = tried.headers["Location"]
    return client.post(address, {"credential": device.get(page_of(client, address))})


@pytest.fixture
def enrolled(engineer: Any, authenticator: Any) -> tuple[Client, Any, Passkey]:
    client, device = at_home(), authenticator()
    password_step(client)
    assert (
        len(re.findall(r"<li>[a-z2-7]{4}(?:-[a-z2-7]{4}){3}</li>", enrol(client, device).content.decode()))
        == 10
    )
    return client, device, Passkey.objects.get()


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_an_engineer_sets_up_a_passkey_and_stays_signed_in(enrolled, engineer):
    client, _, passkey = enrolled
    assert is_in(client)
    assert (passkey.confirmed, passkey.site, passkey.transports) == (True, "localhost", ["internal"])
    page = page_of(client, "/account/mfa/")
    assert "Passkey for localhost" in page
    assert "from 127.0.0.1" in page


def test_a_passkey_has_no_effect_before_it_was_tried(engineer, authenticator):
    client, device = at_home(), authenticator()
    password_step(client)
    credential = device.create(page_of(client, "/account/mfa/passkeys/new/"))
    client.post("/account/mfa/passkeys/new/", {"name": "Laptop", "credential": credential})
    other = at_home()
    password_step(other)
    assert is_in(other)
    page = page_of(at := at_home(), "/sign-in/passkey/")
    assert at.post("/sign-in/passkey/", {"credential": device.get(page)}).status_code == 400


def test_a_passkey_alone_signs_in_and_leads_on(enrolled):
    _, device, _ = enrolled
    client = at_home()
    page = page_of(client, "/sign-in/passkey/?next=/models/")
    done = client.post("/sign-in/passkey/", {"credential": device.get(page), "next": "/models/"})
    assert done.headers["Location"] == "/models/"
    assert is_in(client)
    event = AuditEvent.objects.filter(action="account.sign_in", outcome="success").latest("id")
    assert event.changes == {"factor": [None, "passkey"]}


def test_without_pin_finger_or_face_a_passkey_alone_does_not_sign_in(enrolled):
    _, device, _ = enrolled
    client = at_home()
    page = page_of(client, "/sign-in/passkey/")
    assert (
        client.post("/sign-in/passkey/", {"credential": device.get(page, verified=False)}).status_code == 400
    )
    assert not is_in(client)


def test_a_passkey_is_the_second_step_after_the_password(enrolled):
    _, device, _ = enrolled
    client = at_home()
    password_step(client)
    assert not is_in(client)
    page = page_of(client, "/sign-in/verify/")
    assert 'name="code"' not in page
    assert (
        client.post("/sign-in/verify/", {"credential": device.get(page, verified=False)}).status_code == 302
    )
    assert is_in(client)


def test_promise_17_a_passkey_confirms_a_step_up(enrolled):
    client, device, _ = enrolled
    session = client.session
    session["second_factor_at"] -= 3600
    session.save()
    assert client.get("/account/tokens/new/").status_code == 302
    page = page_of(client, "/account/step-up/?next=/account/tokens/new/")
    done = client.post("/account/step-up/", {"credential": device.get(page), "next": "/account/tokens/new/"})
    assert done.headers["Location"] == "/account/tokens/new/"
    assert client.get("/account/tokens/new/").status_code == 200
    assert AuditEvent.objects.get(action="mfa.step_up").changes == {"factor": [None, "passkey"]}


def test_promise_16_the_password_alone_opens_nothing_for_who_has_a_passkey(enrolled):
    client = at_home()
    password_step(client)
    client.get("/")
    assert not is_in(client)
    forced = at_home()
    forced.force_login(Passkey.objects.get().user)
    assert not is_in(forced)
    assert forced.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("lie", ["other site", "other key", "other challenge", "other purpose", "noise"])
def test_a_passkeys_answer_that_lies_is_refused(enrolled, lie, authenticator):
    _, device, _ = enrolled
    client = at_home()
    page = page_of(client, "/sign-in/passkey/")
    if lie == "other site":
        device.origin = "http://evil.example"
    elif lie == "other key":
        device.key = authenticator().key
    elif lie == "other challenge":
        page = page_of(at_home(), "/sign-in/passkey/")
    answer = device.get(page)
    if lie == "other purpose":
        password_step(client)
        page_of(client, "/sign-in/verify/")
        assert client.post("/sign-in/verify/", {"credential": answer}).status_code == 400
    else:
        said = {"noise": '{"id": 7, "response": []}'}.get(lie, answer)
        assert client.post("/sign-in/passkey/", {"credential": said}).status_code == 400
        assert AuditEvent.objects.filter(action="account.sign_in", outcome="failed").count() == 1
    assert not is_in(client)


def test_a_passkey_of_somebody_else_is_no_second_step(enrolled, viewer, authenticator):
    _, device, _ = enrolled
    mine = at_home()
    mine.post("/sign-in/", {"username": "viewer", "password": PASSWORD})
    enrol(mine, authenticator())
    client = at_home()
    client.post("/sign-in/", {"username": "viewer", "password": PASSWORD})
    answer = device.get(page_of(client, "/sign-in/verify/"))
    assert client.post("/sign-in/verify/", {"credential": answer}).status_code == 400
    assert not is_in(client)


def test_promise_15_an_answer_of_a_passkey_works_once(enrolled):
    _, device, passkey = enrolled
    device.counts, device.count = False, 0  # one that keeps no counter, as synced passkeys do
    Passkey.objects.filter(pk=passkey.pk).unaudited_update(sign_count=0)
    client = at_home()
    answer = device.get(page_of(client, "/sign-in/passkey/"))
    waiting = client.session["passkey_ceremonies"]
    assert client.post("/sign-in/passkey/", {"credential": answer}).status_code == 302
    again = at_home()
    again.get("/sign-in/passkey/")
    session = again.session
    session["passkey_ceremonies"] = (
        waiting  # the very same challenge, as a racer in the same session would see it
    )
    session.save()
    assert again.post("/sign-in/passkey/", {"credential": answer}).status_code == 400
    assert not is_in(again)


def test_a_copy_of_a_passkey_is_noticed_by_its_counter(enrolled):
    _, device, passkey = enrolled
    Passkey.objects.filter(pk=passkey.pk).unaudited_update(sign_count=100)
    client = at_home()
    page = page_of(client, "/sign-in/passkey/")
    assert client.post("/sign-in/passkey/", {"credential": device.get(page)}).status_code == 400
    event = AuditEvent.objects.get(action="mfa.passkey_cloned")
    assert (event.outcome, event.object_id) == ("denied", str(passkey.pk))


def test_a_challenge_waits_five_minutes(enrolled, monkeypatch):
    from datetime import timedelta

    from deployhub.accounts.services import ceremonies
    from deployhub.kernel.clock import utc_now

    _, device, _ = enrolled
    client = at_home()
    answer = device.get(page_of(client, "/sign-in/passkey/"))
    monkeypatch.setattr(ceremonies, "utc_now", lambda: utc_now() + timedelta(minutes=5, seconds=1))
    assert client.post("/sign-in/passkey/", {"credential": answer}).status_code == 400


def test_an_address_of_numbers_says_where_passkeys_work(engineer, browser):
    client = browser(engineer)
    client.defaults["HTTP_HOST"] = "127.0.0.1:8000"
    page = page_of(client, "/account/mfa/passkeys/new/")
    assert "Passkeys belong to a host name" in page
    assert 'href="http://localhost:8000/account/mfa/passkeys/new/"' in page
    assert "data-options" not in page


def test_a_passkey_of_somebody_else_does_not_exist(enrolled, viewer, browser):
    _, _, passkey = enrolled
    theirs = browser(viewer)
    for path in ("try", "remove", "rename"):
        assert theirs.post(f"/account/mfa/passkeys/{passkey.pk}/{path}/", {"name": "x"}).status_code == 404


def test_a_passkey_is_renamed_and_removed(enrolled, engineer):
    client, _, passkey = enrolled
    client.post(f"/account/mfa/passkeys/{passkey.pk}/rename/", {"name": "Desk"})
    passkey.refresh_from_db()
    assert passkey.name == "Desk"
    assert AuditEvent.objects.get(action="mfa.rename").changes == {"name": ["Laptop", "Desk"]}
    client.post(f"/account/mfa/passkeys/{passkey.pk}/remove/")
    assert not engineer.passkeys.exists()
    assert not engineer.recovery_codes.exists()
    assert is_in(client)


def test_the_accounts_page_counts_a_passkey_as_second_factor(enrolled, administrator, api):
    found = api(administrator).get("/api/v1/users/?second_factor=yes").json()["results"]
    assert [user["username"] for user in found] == ["engineer"]


def test_promise_18_a_dump_after_a_passkey_was_set_up_and_used_holds_nothing_to_sign_in_with(
    engineer: Any, authenticator: Any
) -> None:
    """Neither its private key, nor a challenge that is still good, nor a recovery code, nor the key of the session."""
    from django.apps import apps
    from django.contrib.sessions.models import Session

    client, device = at_home(), authenticator()
    password_step(client)
    codes = re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", enrol(client, device).content.decode())
    assert len(codes) == 10
    page = page_of(client := at_home(), "/sign-in/passkey/")
    challenge = options_on(page)["challenge"]
    client.post("/sign-in/passkey/", {"credential": device.get(page), "next": "/models/"})
    assert is_in(client)

    dump = "\n".join(
        str(bytes(value) if isinstance(value, memoryview) else value)
        for model in apps.get_models(include_auto_created=True)
        for row in model._base_manager.values_list()
        for value in row
    )
    sessions = "\n".join(str(session.get_decoded()) for session in Session.objects.all())
    private = device.key.private_numbers().private_value.to_bytes(32, "big")
    secrets = [
        private.hex(), b64(private), str(int.from_bytes(private, "big")),
        *codes, *(code.replace("-", "") for code in codes), *(cookie.value for cookie in client.cookies.values()),
    ]  # fmt: skip
    assert "Laptop" in dump
    assert [secret for secret in secrets if secret in dump + sessions] == []
    assert challenge not in sessions  # the row keeps it as spent: an answer to it is refused

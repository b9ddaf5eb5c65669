"""A second factor is reset by two administrators, never by one; a one-time password does not wait for ever."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils.timezone import now

from deployhub.accounts.models import MfaReset, User, UserSession
from deployhub.accounts.services.resets import mfa_reset_confirm, mfa_reset_request
from deployhub.accounts.services.users import user_create, user_reset
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from tests.accounts.test_users import one_time_password

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


@pytest.fixture
def second(person: Any) -> Any:
    return person("second", is_administrator=True)


@pytest.fixture
def lost(engineer: Any, phone: Any, recovery_codes: Any) -> Any:
    """An engineer who had a telephone."""
    phone(engineer)
    recovery_codes(engineer)
    return engineer


@pytest.fixture
def asked(administrator: Any, lost: Any, acting: Any) -> MfaReset:
    return mfa_reset_request(actor=acting(administrator), user=lost, reason="stood at my desk")


def has_factor(user: Any) -> bool:
    return bool(user.totp_devices.exists() and user.recovery_codes.exists())


def made_hours_ago(reset: MfaReset, hours: float) -> None:
    with system_scope("a test's clock"):
        MfaReset.objects.filter(pk=reset.pk).update(created_at=now() - timedelta(hours=hours))


def test_promise_16_one_administrator_alone_cannot_reset_a_second_factor(administrator, asked, lost, browser):
    refused = browser(administrator).post(f"/mfa-resets/{asked.pk}/confirm/")
    assert refused.status_code == 403
    assert has_factor(lost)
    denied = AuditEvent.objects.get(action="mfa.reset_confirm", outcome="denied")
    assert denied.actor_id == administrator.pk


def test_promise_16_the_person_concerned_does_not_confirm_their_own_reset(
    second, administrator, phone, acting
):
    phone(second)
    reset = mfa_reset_request(actor=acting(administrator), user=second, reason="lost")
    with pytest.raises(Forbidden):
        mfa_reset_confirm(actor=acting(second), reset=reset)
    assert second.totp_devices.exists()


def test_nobody_asks_for_the_reset_of_their_own_factor(administrator, phone, acting):
    phone(administrator)
    with pytest.raises(Conflict):
        mfa_reset_request(actor=acting(administrator), user=administrator, reason="lost")


def test_a_reset_that_nobody_confirmed_within_24_hours_does_not_hold(second, asked, lost, acting, browser):
    made_hours_ago(asked, 24.1)
    with pytest.raises(Conflict, match="24 hours"):
        mfa_reset_confirm(actor=acting(second), reset=asked)
    assert has_factor(lost)
    assert "Lapsed" in browser(second).get("/mfa-resets/").content.decode()


def test_after_a_lapsed_reset_it_can_be_asked_for_again(administrator, asked, lost, acting):
    with pytest.raises(Conflict, match="waits already"):
        mfa_reset_request(actor=acting(administrator), user=lost, reason="again")
    made_hours_ago(asked, 25)
    again = mfa_reset_request(actor=acting(administrator), user=lost, reason="again")
    assert again.is_waiting
    asked.refresh_from_db()
    assert asked.state == "lapsed"


def test_it_is_not_asked_for_without_a_reason_nor_where_there_is_no_factor(
    administrator, lost, viewer, acting, browser
):
    with pytest.raises(InvalidInput):
        mfa_reset_request(actor=acting(administrator), user=lost, reason="  ")
    with pytest.raises(Conflict, match="no second factor"):
        mfa_reset_request(actor=acting(administrator), user=viewer, reason="lost")
    assert browser(administrator).post(f"/users/{lost.pk}/mfa-reset/", {"reason": ""}).status_code == 422


def test_a_second_administrator_confirms_and_hands_the_one_time_password_over(
    administrator, second, lost, api, browser
):
    token = api(lost)
    browser(administrator).post(f"/users/{lost.pk}/mfa-reset/", {"reason": "stood at my desk"})
    reset = MfaReset.objects.get()
    assert "Confirm the reset" in browser(second).get("/").content.decode()
    assert "Confirm the reset" not in browser(administrator).get("/").content.decode()
    page = browser(second).post(f"/mfa-resets/{reset.pk}/confirm/").content.decode()
    assert token.get("/api/v1/me/").status_code == 401
    assert not has_factor(lost)
    newcomer = Client()
    newcomer.post("/sign-in/", {"username": "engineer", "password": one_time_password(page)})
    assert newcomer.get("/").headers["Location"] == "/account/password/"
    confirmed = AuditEvent.objects.filter(action="mfa.reset_confirm", outcome="success")
    assert set(confirmed.values_list("object_type", flat=True)) >= {"mfa_reset", "user", "totpdevice"}
    assert set(confirmed.values_list("actor_id", flat=True)) == {second.pk}


def test_the_api_does_the_same_for_a_browser_and_nothing_for_a_token(
    administrator, second, lost, api, browser
):
    body = {"user": str(lost.pk), "reason": "stood at my desk"}
    assert api(administrator).post("/api/v1/mfa-resets/", body, format="json").status_code == 403
    made = browser(administrator).post("/api/v1/mfa-resets/", body, content_type="application/json")
    assert made.status_code == 201
    address = f"/api/v1/mfa-resets/{made.json()['id']}/"
    assert browser(administrator).post(f"{address}confirm/").json()["code"] == "other_person_needed"
    done = browser(second).post(f"{address}confirm/").json()
    assert done["reset"]["state"] == "confirmed"
    assert User.objects.get(pk=lost.pk).check_password(done["one_time_password"])
    assert browser(second).post(f"{address}confirm/").json()["code"] == "already_decided"


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_confirm_at_once_one_does(person, administrator, asked, acting, race):
    others = [person(f"other{n}", is_administrator=True) for n in range(4)]

    def confirm() -> bool:
        who = others.pop()
        try:
            mfa_reset_confirm(actor=acting(who), reset=MfaReset.objects.get(pk=asked.pk))
        except Conflict:
            return False
        except BaseException:
            others.append(who)
            raise
        return True

    assert sum(race(4, confirm)) == 1


def test_who_asked_withdraws_and_somebody_else_declines(administrator, second, asked, lost, acting, browser):
    browser(second).post(f"/mfa-resets/{asked.pk}/decline/")
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by_id) == ("declined", second.pk)
    again = mfa_reset_request(actor=acting(administrator), user=lost, reason="again")
    browser(administrator).post(f"/mfa-resets/{again.pk}/decline/")
    again.refresh_from_db()
    assert again.state == "withdrawn"
    assert has_factor(lost)


def test_the_person_is_told_at_sign_in_and_by_mail_and_can_stop_it(
    administrator, second, lost, phone, acting, browser, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_HOST = "mail.example.org"
    with system_scope("an address"):
        User.objects.filter(pk=lost.pk).update(email="lost@site.example")
    lost.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        reset = mfa_reset_request(actor=acting(administrator), user=lost, reason="a call")
    assert [letter.to for letter in mail.outbox] == [["lost@site.example"]]
    app = phone(lost, seed=b"another seed 2345678")
    client = Client()
    client.post("/sign-in/", {"username": "engineer", "password": PASSWORD})
    client.post("/sign-in/verify/", {"code": app.code()})
    assert "asked that your second factor is reset" in client.get("/").content.decode()
    assert "a call" in client.get("/account/mfa/").content.decode()
    client.post(f"/account/mfa/resets/{reset.pk}/stop/")
    with pytest.raises(Conflict):
        mfa_reset_confirm(actor=acting(second), reset=MfaReset.objects.get(pk=reset.pk))
    assert has_factor(lost)


def test_nobody_stops_the_reset_of_somebody_else(viewer, asked, browser):
    assert browser(viewer).post(f"/account/mfa/resets/{asked.pk}/stop/").status_code == 404
    asked.refresh_from_db()
    assert asked.is_waiting


def test_promise_16_a_password_reset_by_one_administrator_leaves_the_second_factor_in_force(
    administrator, engineer, phone, browser, signed_in
):
    app = phone(engineer)
    page = browser(administrator).post(f"/users/{engineer.pk}/reset/").content.decode()
    client = Client()
    answer = client.post("/sign-in/", {"username": "engineer", "password": one_time_password(page)})
    assert answer.headers["Location"] == "/sign-in/verify/"
    assert client.get("/account/password/").status_code == 302
    client.post("/sign-in/verify/", {"code": app.code()})
    assert signed_in(client)


def test_a_one_time_password_that_nobody_used_for_72_hours_opens_nothing(administrator, acting, client):
    nadia, password = user_create(actor=acting(administrator), username="nadia")
    with system_scope("a test's clock"):
        User.objects.filter(pk=nadia.pk).update(one_time_since=now() - timedelta(hours=72, minutes=1))
    answer = client.post("/sign-in/", {"username": "nadia", "password": password})
    assert "not used in time" in answer.content.decode()
    assert not UserSession.objects.filter(user=nadia).exists()
    _, fresh = user_reset(actor=acting(administrator), user=User.objects.get(pk=nadia.pk))
    client.post("/sign-in/", {"username": "nadia", "password": fresh})
    assert client.get("/").headers["Location"] == "/account/password/"


def test_on_the_servers_console_a_single_administrator_gets_back_in_and_the_log_says_who(
    administrator, phone, recovery_codes
):
    phone(administrator)
    recovery_codes(administrator)
    said = StringIO()
    call_command("mfa_reset", "ADMINISTRATOR", reason="phone fell into the sea", stdout=said)
    password = said.getvalue().split(": ")[1].split()[0]
    administrator.refresh_from_db()
    assert administrator.check_password(password)
    assert not has_factor(administrator)
    event = AuditEvent.objects.filter(action="mfa.reset", object_type="user").get()
    assert event.actor_kind == "system"
    assert "console" in event.reason
    assert "phone fell into the sea" in event.reason


def test_an_administrator_ends_one_session_of_somebody_at_page_and_api(administrator, engineer, browser):
    first, other = browser(engineer), browser(engineer)
    rows = list(UserSession.objects.filter(user=engineer).order_by("created_at"))
    admin = browser(administrator)
    assert f"sessions/{rows[0].pk}/revoke/" in admin.get(f"/users/{engineer.pk}/").content.decode()
    ended = admin.post(f"/api/v1/users/{engineer.pk}/sessions/{rows[0].pk}/revoke/").json()
    assert ended["end_reason"] == "administrator"
    assert first.get("/account/").status_code == 302
    assert other.get("/account/").status_code == 200
    assert admin.post(f"/api/v1/users/{engineer.pk}/sessions/{rows[0].pk}/revoke/").status_code == 409

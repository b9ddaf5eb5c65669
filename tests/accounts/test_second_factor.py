"""Promises 15 and 16, and the second factor's whole life."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django_otp.oath import totp

from deployhub.accounts.models import RecoveryCode, TotpDevice
from deployhub.audit.models import AuditEvent

PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.django_db


def password_step(client: Any, username: str = "engineer") -> Any:
    return client.post("/sign-in/", {"username": username, "password": PASSWORD, "next": "/models/"})


def seed_on(page: str) -> bytes:
    import base64

    found = re.search(r'id="seed"[^>]*>([A-Z2-7 ]+)<', page)
    assert found is not None
    return base64.b32decode(found[1].replace(" ", ""))


def test_sign_in_goes_on_to_the_code_and_then_to_the_page_asked_for(client, engineer, phone, signed_in):
    app = phone(engineer)
    assert password_step(client).headers["Location"] == "/sign-in/verify/"
    assert not signed_in(client)
    done = client.post("/sign-in/verify/", {"code": app.code()})
    assert done.headers["Location"] == "/models/"
    assert signed_in(client)
    event = AuditEvent.objects.get(action="account.sign_in", outcome="success")
    assert event.changes == {"factor": [None, "totp"]}


def test_a_code_typed_with_a_space_is_accepted(client, engineer, phone, signed_in):
    code = phone(engineer).code()
    password_step(client)
    client.post("/sign-in/verify/", {"code": f"{code[:3]} {code[3:]}"})
    assert signed_in(client)


@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "１２３４５６", "1" * 5000])
def test_a_wrong_code_is_refused_and_recorded(client, engineer, phone, signed_in, code):
    phone(engineer, seed=b"another-seed-of-20-by")
    password_step(client)
    assert client.post("/sign-in/verify/", {"code": code}).status_code == 400
    assert not signed_in(client)
    event = AuditEvent.objects.get(action="account.sign_in", outcome="failed")
    assert event.object_id == str(engineer.pk)


def test_guessing_codes_is_slowed_down_from_every_address(client, engineer, phone, signed_in):
    app = phone(engineer)
    password_step(client)
    for n in range(5):
        client.post("/sign-in/verify/", {"code": "000000"}, REMOTE_ADDR=f"10.0.0.{n}")
    assert client.post("/sign-in/verify/", {"code": app.code()}).status_code == 429
    assert not signed_in(client)


def test_the_password_step_is_good_for_five_minutes(client, engineer, phone, signed_in):
    from deployhub.kernel.clock import utc_now

    app = phone(engineer)
    password_step(client)
    session = client.session
    session["pending_sign_in"] = {
        **session["pending_sign_in"],
        "at": (utc_now() - timedelta(minutes=5, seconds=1)).isoformat(),
    }
    session.save()
    assert client.post("/sign-in/verify/", {"code": app.code()}).headers["Location"] == "/sign-in/"
    assert not signed_in(client)


def test_a_password_changed_meanwhile_ends_the_pending_sign_in(client, engineer, phone, signed_in):
    from deployhub.audit.scope import system_scope

    app = phone(engineer)
    password_step(client)
    with system_scope("changed elsewhere"):
        engineer.set_password("an altogether other one")
        engineer.save()
    client.post("/sign-in/verify/", {"code": app.code()})
    assert not signed_in(client)


def test_a_recovery_code_signs_in_once_however_it_is_typed(engineer, phone, recovery_codes, signed_in):
    phone(engineer)
    code = recovery_codes(engineer)[3]
    first, second = Client(), Client()
    password_step(first)
    first.post("/sign-in/verify/", {"recovery_code": f" {code.upper().replace('-', ' ')} "})
    assert signed_in(first)
    password_step(second)
    assert second.post("/sign-in/verify/", {"recovery_code": code}).status_code == 400
    assert not signed_in(second)
    assert AuditEvent.objects.filter(action="mfa.recovery_use").count() == 1


def test_a_recovery_code_of_somebody_else_does_not_work(
    client, engineer, viewer, phone, recovery_codes, signed_in
):
    phone(engineer)
    code = recovery_codes(viewer)[0]
    password_step(client)
    assert client.post("/sign-in/verify/", {"recovery_code": code}).status_code == 400
    assert not signed_in(client)


# Promise 16: no path gives a signed-in session without the second factor.


def _by_password(client: Client, **who: Any) -> None:
    password_step(client)


def _by_skipping_to_the_page(client: Client, **who: Any) -> None:
    password_step(client)
    client.get("/")
    client.get("/account/")


def _by_an_unfinished_device(client: Client, **who: Any) -> None:
    """A seed that the attacker made up, on a device that was never confirmed, opens nothing."""
    who["phone"](who["user"], seed=b"the attacker's own..", confirmed=False)
    password_step(client)
    client.post("/sign-in/verify/", {"code": f"{totp(b'the attacker' + b's own..'):06d}"})
    client.post(
        "/sign-in/verify/", {"code": f"{totp(bytes(b'the attacker' + bytes([39]) + b's own..')):06d}"}
    )


def _by_a_replayed_code(client: Client, **who: Any) -> None:
    code = who["app"].code()
    honest = Client()
    password_step(honest)
    honest.post("/sign-in/verify/", {"code": code})
    password_step(client)
    client.post("/sign-in/verify/", {"code": code})


def _by_the_second_step_alone(client: Client, **who: Any) -> None:
    client.post("/sign-in/verify/", {"code": who["app"].code()})


def _by_an_administrators_reset(client: Client, **who: Any) -> None:
    """The reset gives another password and leaves the factor: neither password opens anything by itself."""
    from deployhub.accounts.services.users import user_reset

    user_reset(actor=who["acting"](who["administrator"]), user=who["user"])
    password_step(client)


def _by_a_session_that_was_made_elsewhere(client: Client, **who: Any) -> None:
    client.force_login(who["user"])


def _by_a_session_from_before_the_enrolment(client: Client, **who: Any) -> None:
    from deployhub.audit.scope import system_scope

    with system_scope("before the phone"):
        TotpDevice.objects.filter(user=who["user"]).update(confirmed=False)
    password_step(client)
    with system_scope("enrolled elsewhere"):
        TotpDevice.objects.filter(user=who["user"]).update(confirmed=True)


def _by_the_api(client: Client, **who: Any) -> None:
    import base64

    basic = base64.b64encode(f"engineer:{PASSWORD}".encode()).decode()
    assert client.get("/api/v1/me/", headers={"Authorization": f"Basic {basic}"}).status_code == 401


def _by_a_token(client: Client, **who: Any) -> None:
    """A token acts for its owner, but never becomes a session."""
    text = who["token_of"](who["user"])
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        _by_password,
        _by_skipping_to_the_page,
        _by_an_unfinished_device,
        _by_a_replayed_code,
        _by_the_second_step_alone,
        _by_an_administrators_reset,
        _by_a_session_that_was_made_elsewhere,
        _by_a_session_from_before_the_enrolment,
        _by_the_api,
        _by_a_token,
    ],
)
def test_promise_16_no_path_skips_the_second_factor(
    path, client, engineer, phone, administrator, acting, token_of
):
    path(
        client,
        user=engineer,
        phone=phone,
        app=phone(engineer),
        administrator=administrator,
        acting=acting,
        token_of=token_of,
    )
    assert client.get("/account/").status_code == 302
    assert client.get("/api/v1/me/").status_code == 401
    assert (
        client.post(
            "/api/v1/tokens/", {"label": "x", "scopes": ["read"]}, content_type="application/json"
        ).status_code
        == 401
    )


# Promise 15: a code or recovery code works once.


@pytest.mark.django_db(transaction=True)
def test_promise_15_of_twenty_who_show_the_same_code_one_gets_in(engineer, phone, race):
    from deployhub.accounts.services.second_factor import totp_verify

    code = phone(engineer).code()
    # Each has read the device before any of them spends the code: the worst that a race can do.
    devices = [TotpDevice.objects.get(user=engineer) for _ in range(20)]
    mine = threading.local()

    def show() -> bool:
        if not hasattr(mine, "device"):
            mine.device = devices.pop()
        return mine.device.verify_token(code)

    assert sum(race(20, show)) == 1
    assert totp_verify(user=engineer, code=code) is None


@pytest.mark.django_db(transaction=True)
def test_promise_15_of_twenty_who_show_the_same_recovery_code_one_gets_in(engineer, recovery_codes, race):
    from deployhub.accounts.services.second_factor import recovery_code_use
    from deployhub.kernel.actor import ANONYMOUS

    code = recovery_codes(engineer)[0]
    assert sum(race(20, lambda: recovery_code_use(actor=ANONYMOUS, user=engineer, code=code))) == 1
    assert RecoveryCode.objects.filter(user=engineer, used_at=None).count() == 9


# Enrolment and removal, by the engineer at the browser.


@pytest.fixture
def enrolled(client, engineer):
    """The engineer's browser, just enrolled: (client, seed, recovery codes)."""
    password_step(client)
    page = client.post("/account/mfa/new/", follow=True)
    seed = seed_on(page.content.decode())
    address = page.redirect_chain[-1][0]
    done = client.post(address, {"name": "My phone", "code": f"{totp(seed):06d}"}).content.decode()
    codes = re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", done)
    return client, seed, codes, address


def test_an_engineer_enrols_an_app_and_keeps_ten_recovery_codes(enrolled, engineer, signed_in):
    client, _, codes, _ = enrolled
    assert len(set(codes)) == 10
    assert signed_in(client)
    assert engineer.totp_devices.get().confirmed
    assert not any(code in client.get("/account/mfa/").content.decode() for code in codes)


def test_the_qr_code_is_an_image_that_the_content_policy_admits(client, engineer):
    password_step(client)
    page = client.post("/account/mfa/new/", follow=True).content.decode()
    image = re.search(r'<p class="qr"><img src="(data:image/svg\+xml[^"]+)"', page)
    assert image is not None
    assert "style=" not in page


def test_a_device_has_no_effect_before_a_first_code_was_right(client, engineer, signed_in):
    password_step(client)
    address = client.post("/account/mfa/new/", follow=True).redirect_chain[-1][0]
    assert client.post(address, {"name": "Phone", "code": "000000"}).status_code == 422
    elsewhere = Client()
    password_step(elsewhere)
    assert signed_in(elsewhere)


def test_the_seed_is_not_shown_again_after_enrolment(enrolled):
    client, _, _, address = enrolled
    assert client.get(address).headers["Location"] == "/account/mfa/"


def test_enrolling_ends_the_sessions_in_other_browsers(client, engineer, signed_in):
    elsewhere = Client()
    password_step(elsewhere)
    password_step(client)
    page = client.post("/account/mfa/new/", follow=True)
    code = f"{totp(seed_on(page.content.decode())):06d}"
    client.post(page.redirect_chain[-1][0], {"name": "Phone", "code": code})
    assert signed_in(client)
    assert elsewhere.get("/account/").status_code == 302


def test_a_device_of_somebody_else_does_not_exist(enrolled, viewer, browser, engineer):
    device = engineer.totp_devices.get()
    for path in ("confirm", "remove"):
        answer = browser(viewer).post(f"/account/mfa/{device.pk}/{path}/", {"code": "1", "name": "x"})
        assert answer.status_code == 404
    assert engineer.totp_devices.exists()


def an_hour_passes(client: Client) -> None:
    session = client.session
    session["second_factor_at"] -= 3600
    session.save()


def test_removing_a_device_asks_for_a_fresh_second_factor(enrolled, engineer):
    client, _, codes, _ = enrolled
    device = engineer.totp_devices.get()
    an_hour_passes(client)
    led = client.post(f"/account/mfa/{device.pk}/remove/")
    assert led.headers["Location"].startswith("/account/step-up/")
    assert engineer.totp_devices.exists()
    client.post("/account/step-up/", {"recovery_code": codes[0]})
    client.post(f"/account/mfa/{device.pk}/remove/")
    assert not engineer.totp_devices.exists()
    assert not engineer.recovery_codes.exists()


def test_new_recovery_codes_replace_the_old_ones(enrolled, signed_in):
    client, _, old, _ = enrolled
    page = client.post("/account/mfa/recovery/").content.decode()
    assert len(re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", page)) == 10
    elsewhere = Client()
    password_step(elsewhere)
    assert elsewhere.post("/sign-in/verify/", {"recovery_code": old[0]}).status_code == 400


def test_a_sealed_seed_does_not_open_in_another_row_nor_when_changed(engineer, viewer, phone):
    from deployhub.accounts.sealing import SealBrokenError
    from deployhub.audit.scope import system_scope

    phone(engineer)
    phone(viewer)
    mine, other = TotpDevice.objects.get(user=engineer), TotpDevice.objects.get(user=viewer)
    with system_scope("an attacker with the database"):
        other.sealed_seed = mine.sealed_seed
        other.save()
    with pytest.raises(SealBrokenError):
        _ = TotpDevice.objects.get(user=viewer).seed


def test_seeds_and_codes_outlive_a_change_of_the_secret_key(engineer, phone, recovery_codes, settings):
    from deployhub.accounts.services.second_factor import recovery_code_use, totp_verify
    from deployhub.kernel.actor import ANONYMOUS

    app, code = phone(engineer), recovery_codes(engineer)[0]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new secret key, made in the test"
    assert totp_verify(user=engineer, code=app.code()) is not None
    assert recovery_code_use(actor=ANONYMOUS, user=engineer, code=code)

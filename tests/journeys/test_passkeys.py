"""A passkey's life in a real browser with a virtual authenticator: set up, sign in without a password, step-up, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.test_first_hour import first_password, own_password_set, picture, sign_in
from tests.standalone.conftest import Installation

pytestmark = [pytest.mark.journey, pytest.mark.processes]

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def go_on_with_passkey(page: Any, name: str = "Use a passkey") -> None:
    page.get_by_role("button", name=name).click()


def test_an_administrator_lives_with_a_passkey(
    installation: Callable[..., Installation], page: Any, complaints: list[str]
) -> None:
    place = installation()
    place.wait_ready()
    sign_in(page, place, first_password(place))
    own_password_set(page)

    # A passkey belongs to a name, and 127.0.0.1 is none: the page says so, and where to go.
    page.goto(f"{place.address}/account/mfa/passkeys/new/")
    page.get_by_role("link", name="http://localhost").wait_for()
    page.get_by_text("Set one up within 7 days").wait_for()
    picture(page, "passkey-elsewhere")

    home = place.address.replace("127.0.0.1", "localhost")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]
    page.goto(f"{home}/sign-in/?next=/account/mfa/passkeys/new/")
    picture(page, "sign-in")
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill("a harbour with eleven lanterns")
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.locator("input[name=name]").fill("Laptop")
    picture(page, "passkey-new")
    go_on_with_passkey(page, "Make the passkey")
    page.get_by_text("Try “Laptop”").wait_for()
    go_on_with_passkey(page, "Use it now")
    page.get_by_text("The second factor is on").wait_for()
    picture(page, "recovery-codes")
    page.goto(f"{home}/account/mfa/")
    page.get_by_text("Passkey for localhost").wait_for()
    assert page.get_by_text("Set one up within").count() == 0
    picture(page, "factors")

    # Without a password.
    page.context.clear_cookies()
    page.goto(f"{home}/sign-in/?next=/settings/security/")
    page.get_by_role("link", name="Sign in with a passkey").click()
    go_on_with_passkey(page)
    page.get_by_role("heading", name="Security policy").wait_for()

    # As a second factor after the password.
    page.context.clear_cookies()
    page.goto(f"{home}/sign-in/?next=/settings/security/")
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill("a harbour with eleven lanterns")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Now the second factor").wait_for()
    picture(page, "second-step")
    go_on_with_passkey(page)
    page.get_by_role("heading", name="Security policy").wait_for()
    picture(page, "security-policy")
    page.locator("input[name=step_up_minutes]").fill("1")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("It acts on the next request").wait_for()

    # A form that is sent too late asks for the passkey, and is then sent by itself.
    page.goto(f"{home}/users/new/")
    page.locator("input[name=username]").fill("robin")
    page.locator("input[name=name]").fill("Robin")
    page.wait_for_timeout(61_000)
    page.get_by_role("button", name="Create account").click()
    page.get_by_text("What you typed is kept and sent afterwards").wait_for()
    picture(page, "step-up")
    go_on_with_passkey(page)
    page.get_by_text("One-time password for robin").wait_for()

    # The only factor of somebody who must have one stays; after the demand is lifted it can go.
    def remove() -> None:
        page.goto(f"{home}/account/mfa/")
        page.get_by_role("button", name="Remove Laptop").click()
        page.get_by_role("button", name="Remove", exact=True).click()

    remove()
    page.get_by_text("this is your only one").wait_for()
    page.goto(f"{home}/settings/security/")
    page.get_by_label("Administrators").uncheck()
    page.get_by_text("A second factor is demanded of nobody.").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("It acts on the next request").wait_for()
    remove()
    page.get_by_text("No second factor yet").wait_for()
    page.context.clear_cookies()
    page.goto(f"{home}/sign-in/passkey/")
    go_on_with_passkey(page)
    page.get_by_text("This passkey was not accepted").wait_for()
    devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": device})
    refused = [said for said in complaints if "400" not in said]
    assert refused == []

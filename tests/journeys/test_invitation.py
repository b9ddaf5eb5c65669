"""An invitation in a real browser: made, opened by its link, accepted, and signed in with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.test_first_hour import OWN_PASSWORD, first_password, own_password_set, picture, sign_in
from tests.journeys.test_passkeys import DEVICE, go_on_with_passkey
from tests.standalone.conftest import Installation

pytestmark = [pytest.mark.journey, pytest.mark.processes]

PASSWORD = "seven quiet herons at dusk"


def narrow(page: Any, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, f"{name}-390")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_somebody_is_invited_accepts_and_signs_in(
    installation: Callable[..., Installation], page: Any, complaints: list[str]
) -> None:
    place = installation()
    place.wait_ready()
    sign_in(page, place, first_password(place))
    own_password_set(page)
    # Who invites needs a second factor, and a passkey needs a host name.
    home = place.address.replace("127.0.0.1", "localhost")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    page.goto(f"{home}/sign-in/?next=/account/mfa/passkeys/new/")
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("input[name=name]").fill("Laptop")
    go_on_with_passkey(page, "Make the passkey")
    page.get_by_text("Try “Laptop”").wait_for()
    go_on_with_passkey(page, "Use it now")
    page.get_by_text("The second factor is on").wait_for()

    page.goto(f"{home}/invitations/new/")
    picture(page, "invitation-new")
    narrow(page, "invitation-new")
    page.locator("input[name=is_auditor]").check()
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_text("Hand the link over yourself").wait_for()
    picture(page, "invitation-made")
    link = page.locator("#secret").inner_text()
    link = f"{home}/join/#{link.partition('#')[2]}"
    page.goto(f"{home}/invitations/")
    picture(page, "invitations")
    narrow(page, "invitations")

    # Another person: the script takes the code out of the address, and the link leads on by itself.
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("heading", name="You are invited").wait_for()
    assert "dh_inv_" not in page.url
    picture(page, "join-accept")
    narrow(page, "join-accept")
    page.locator("input[name=username]").fill("nadia")
    page.locator("input[name=name]").fill("Nadia N")
    page.locator("input[name=new_password]").fill(PASSWORD)
    page.get_by_text("Strength:").wait_for()
    page.locator("input[name=again]").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_text("Your account nadia is made").wait_for()
    page.locator("input[name=username]").fill("nadia")
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Dashboard").wait_for()
    page.goto(f"{home}/invitations/")
    page.get_by_text("by Nadia N").wait_for()
    page.goto(f"{home}/mfa-resets/")
    picture(page, "mfa-resets")

    # The link was used: it opens nothing any more.
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_text("does not exist, was used or taken back").first.wait_for()
    picture(page, "join-used")
    assert [said for said in complaints if "422" not in said] == []

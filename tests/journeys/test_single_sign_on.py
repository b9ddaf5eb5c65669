"""Single sign-on against a real OpenID provider, in a real browser: set up, sign in, and the role that a group gives."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django_otp.oath import totp

from tests.journeys.openid_house import NoProviderError, OpenIdHouse
from tests.journeys.test_first_hour import first_password, own_password_set, picture, sign_in
from tests.standalone.conftest import Installation

pytestmark = [pytest.mark.journey, pytest.mark.processes]
PASSWORD = "a key that only Kim knows of"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[OpenIdHouse]:
    folder = tmp_path / "house"
    folder.mkdir()
    try:
        provider = OpenIdHouse(folder)
    except NoProviderError as error:
        pytest.fail(f"single sign-on was not tested against a real provider: {error}")
    yield provider
    provider.end()


def second_factor_set_up(page: Any, place: Installation) -> None:
    """A fresh installation demands one of administrators, before they say who signs people in."""
    page.goto(f"{place.address}/account/mfa/")
    page.get_by_role("button", name="Set up an authenticator app").click()
    seed = base64.b32decode(page.locator("#seed").inner_text().replace(" ", ""))
    page.locator("input[name=name]").fill("Phone")
    page.locator("input[name=code]").fill(f"{totp(seed):06d}")
    page.get_by_role("button", name="Turn on").click()
    page.get_by_text("The second factor is on").wait_for()


def test_kim_signs_in_by_the_house_and_has_the_role_of_the_builders(
    installation: Callable[..., Installation], house: OpenIdHouse, page: Any, complaints: list[str]
) -> None:
    place = installation()
    place.wait_ready()
    house.run(
        "create", "user", "--quiet", "--user-name", "kim", "--password", PASSWORD, "--family-name", "Ng",
        "--formatted-name", "Kim Ng", "--emails", "kim@example.org",
    )  # fmt: skip
    house.run(
        "create", "group", "--quiet", "--display-name", "builders", "--members", "kim", "--owner", "kim"
    )
    scopes = [word for scope in ("openid", "profile", "email", "groups") for word in ("--scope", scope)]
    house.run(
        "create", "client", "--quiet", "--client-id", "hub", "--client-secret", "a-plain-secret-of-the-hub", "--client-name",
        "DeployHub", "--client-uri", place.address, "--redirect-uris",
        f"{place.address}/sign-in/with/house/callback/", "--grant-types", "authorization_code", "--response-types",
        "code", "--token-endpoint-auth-method", "client_secret_basic", *scopes,
    )  # fmt: skip

    house.run(
        "set", "client", "hub", "--audience", "hub"
    )  # without it its tokens are for nobody, and refused

    sign_in(page, place, first_password(place))
    page.wait_for_url("**/account/password/**")
    own_password_set(page)
    second_factor_set_up(page, place)
    page.goto(f"{place.address}/projects/new/")
    page.locator("input[name=name]").fill("Harbour")
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/projects/harbour/**")
    page.goto(f"{place.address}/settings/single-sign-on/")
    picture(page, "providers-none")
    page.get_by_role("link", name="Add a provider").first.click()
    for name, value in {
        "name": "House",
        "issuer": house.issuer,
        "client_id": "hub",
        "client_secret": "a-plain-secret-of-the-hub",
        "scopes": "openid profile email groups",
    }.items():
        page.locator(f"input[name={name}]").fill(value)
    page.locator("input[name=provisions]").check()
    picture(page, "provider-new")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("The provider is there").wait_for()
    page.get_by_role("button", name="Test the connection").click()
    page.get_by_text("The provider answers").wait_for()
    picture(page, "provider-test")
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Add a group").click()
    page.locator("input[name=group]").fill("builders")
    page.locator("select[name=role]").select_option("engineer")
    page.locator("select[name=project]").select_option(label="Harbour")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("from the next sign-in of its members on").wait_for()
    picture(page, "provider")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "provider-390")

    page.context.clear_cookies()
    page.goto(f"{place.address}/sign-in/?next=/projects/harbour/")
    picture(page, "sign-in-390")
    page.set_viewport_size({"width": 1280, "height": 900})
    picture(page, "sign-in")
    page.get_by_role("link", name="Sign in with House").click()
    page.wait_for_url(f"{house.issuer}/**")
    page.locator("input[name=login]").fill("kim")
    page.locator("input[name=login]").press("Enter")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{place.address}/projects/harbour/**")
    complaints.clear()  # what the provider's own pages complain of is its own affair
    page.get_by_role("heading", name="Harbour").first.wait_for()
    page.goto(f"{place.address}/account/")
    assert "Engineer" in page.locator("main").inner_text()
    page.goto(f"{place.address}/account/identities/")
    page.get_by_text("House").first.wait_for()
    picture(page, "identities")
    assert page.goto(f"{place.address}/users/").status == 403
    assert [said for said in complaints if "403" not in said] == []

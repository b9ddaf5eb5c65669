"""Roles by group, second factors, links and settings of single sign-on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from deployhub.access.models import Membership
from deployhub.accounts.models import (
    FederatedIdentity,
    GroupMapping,
    IdentityProvider,
    MappedRole,
    SecurityPolicy,
    User,
)
from deployhub.accounts.models.security_policy import ONLY_ROW
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from tests.accounts.openid_provider import OpenIdProvider
from tests.accounts.test_single_sign_on import CALLBACK, begin, link, provider_add, sign_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider()
    yield provider
    provider.end()


@pytest.fixture
def known(house: OpenIdProvider) -> IdentityProvider:
    return provider_add(house, provisions=True)


def maps(provider: IdentityProvider, group: str, role: str, project: Any = None) -> GroupMapping:
    with system_scope("test mapping"):
        return GroupMapping.objects.create(provider=provider, group=group, role=role, project=project)


def kim() -> User:
    return User.objects.get(username="kim")


def roles(user: User) -> list[str]:
    return list(Membership.objects.filter(user=user).values_list("role", flat=True))


def test_groups_give_roles_at_sign_in_and_take_them_at_the_next(house, known, project):
    maps(known, "builders", "engineer", project)
    maps(known, "lookers", "viewer", project)
    maps(known, "watchers", "auditor")
    client = Client()
    sign_on(client, house, "kim", groups=["builders", "lookers", "watchers", "others"])
    assert (roles(kim()), kim().is_auditor) == (["engineer"], True)
    assert client.get("/projects/shapes/").status_code == 200
    given = AuditEvent.objects.get(action="membership.grant")
    assert (given.reason, given.actor_name) == ("group builders of provider House", "Identity provider House")
    sign_on(Client(), house, "kim", groups=["lookers"])
    assert (roles(kim()), kim().is_auditor) == (["viewer"], False)
    assert client.get("/account/").status_code == 302, "another global role ends the sessions"
    sign_on(Client(), house, "kim", groups=[])
    assert (roles(kim()), MappedRole.objects.count()) == ([], 0)
    taken = AuditEvent.objects.get(action="membership.revoke")
    assert taken.reason == "group lookers of provider House gives it no longer"


def test_groups_from_userinfo_count_where_the_token_holds_none(house, known, project):
    maps(known, "builders", "engineer", project)
    house.userinfo = {"sub": "kim", "groups": ["builders"]}
    sign_on(Client(), house, "kim", groups=None)
    assert roles(kim()) == ["engineer"]


def test_groups_that_were_left_out_for_their_number_take_nothing(house, known, project):
    maps(known, "builders", "engineer", project)
    sign_on(Client(), house, "kim", groups=["builders"])
    house.userinfo = {"sub": "kim"}
    answer = sign_on(Client(), house, "kim", groups=None, _claim_names={"groups": "src1"})
    assert answer.status_code == 400
    assert roles(kim()) == ["engineer"]


def test_what_was_given_by_hand_is_never_touched(house, known, project, foreign_project, person):
    kim_ = person("kim", role="viewer", project=project, is_administrator=True)
    person("other", is_administrator=True)
    link(known, kim_, "kim")
    maps(known, "builders", "engineer", project)
    maps(known, "builders", "engineer", foreign_project)
    maps(known, "bosses", "administrator")
    sign_on(Client(), house, "kim", groups=["builders", "bosses"])
    assert sorted(roles(kim())) == ["engineer", "viewer"]
    # An owner changes by hand what the group gave: from then on it is theirs.
    with system_scope("by hand"):
        Membership.objects.filter(user=kim_, project=foreign_project).update(role="release_manager")
    sign_on(Client(), house, "kim", groups=["builders"])
    sign_on(Client(), house, "kim")
    assert sorted(roles(kim())) == ["release_manager", "viewer"]
    assert kim().is_administrator


def test_no_group_makes_an_administrator_unless_a_mapping_says_so(house, known):
    sign_on(Client(), house, "kim", groups=["administrator", "admins", "owner"])
    assert (kim().is_administrator, roles(kim())) == (False, [])
    maps(known, "admins", "administrator")
    sign_on(Client(), house, "kim", groups=["admins"])
    assert kim().is_administrator


def test_the_last_administrator_and_the_last_owner_stay_and_the_log_says_so(house, known, project):
    maps(known, "admins", "administrator")
    maps(known, "owners", "owner", project)
    sign_on(Client(), house, "kim", groups=["admins", "owners"])
    sign_on(Client(), house, "kim", groups=[])
    assert (kim().is_administrator, roles(kim())) == (True, ["owner"])
    kept = AuditEvent.objects.filter(outcome="denied").values_list("reason", flat=True)
    assert any("last administrator" in reason for reason in kept)
    assert any("last owner" in reason for reason in kept)
    # Once there is another, the next sign-in takes them.
    sign_on(Client(), house, "robin", groups=["admins", "owners"])
    sign_on(Client(), house, "kim", groups=[])
    assert (kim().is_administrator, roles(kim())) == (False, [])


def test_promise_16_an_own_second_factor_is_asked_after_the_provider(house, known, person, phone):
    user = person("kim")
    link(known, user, "kim")
    mine = phone(user)
    client = Client()
    answer = sign_on(client, house, "kim", amr=["pwd", "mfa"])
    assert answer.headers["Location"] == "/sign-in/verify/"
    assert client.get("/account/").status_code == 302
    assert "your identity provider knows you" in client.get("/sign-in/verify/").content.decode()
    client.post("/sign-in/verify/", {"code": mine.code()})
    assert client.get("/account/").status_code == 200


@pytest.mark.parametrize(
    ("trusted", "claims", "counts"),
    [
        (True, {"amr": ["pwd", "mfa"]}, True),
        (True, {"acr": "phr"}, True),
        (True, {"amr": ["pwd"]}, False),
        (True, {"amr": "mfa"}, False),
        (True, {}, False),
        (False, {"amr": ["mfa"]}, False),
    ],
)
def test_promise_16_a_second_factor_of_the_provider_counts_only_if_it_is_trusted_and_tells_of_one(
    house, person, phone, trusted, claims, counts
):
    provider = provider_add(house, trusted_for_mfa=trusted, mfa_values=["mfa", "phr"])
    user = person("kim")
    link(provider, user, "kim")
    phone(user)
    client = Client()
    sign_on(client, house, "kim", **claims)
    assert (client.get("/account/").status_code == 200) is counts


def test_promise_16_userinfo_cannot_tell_of_a_second_factor(house, person, phone):
    provider = provider_add(house, trusted_for_mfa=True)
    user = person("kim")
    link(provider, user, "kim")
    phone(user)
    house.userinfo = {"sub": "kim", "amr": ["mfa"], "acr": "mfa"}
    client = Client()
    sign_on(client, house, "kim", name=None)
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize(("amr", "open_"), [(["mfa"], True), (["pwd"], False)])
def test_promise_16_the_demand_for_a_second_factor_holds_for_people_of_a_provider_too(house, amr, open_):
    provider_add(house, provisions=True, trusted_for_mfa=True)
    with system_scope("a demand without grace"):
        SecurityPolicy.objects.create(pk=ONLY_ROW, mfa_required_for_all=True, mfa_grace_days=0)
    client = Client()
    sign_on(client, house, "kim", amr=amr)
    assert (client.get("/docs/").status_code == 200) is open_


def test_promise_17_an_old_sign_in_at_the_provider_is_no_fresh_one_here(house, known, person):
    link(known, person("kim"), "kim")
    for told, expected in ((int(time.time()) - 3600, 302), (None, 302), (int(time.time()), 200)):
        client = Client()
        sign_on(client, house, "kim", auth_time=told)
        answer = client.post(
            "/api/v1/tokens/", {"label": "ci", "scopes": ["read"]}, content_type="application/json"
        )
        assert (answer.status_code == 201) is (expected == 200), told


def test_promise_17_who_has_nothing_of_their_own_steps_up_at_the_provider(house, known):
    client = Client()
    sign_on(client, house, "kim", auth_time=None)
    asked = client.get("/account/step-up/?next=/account/mfa/").content.decode()
    assert "Confirm with House" in asked
    assert 'name="password"' not in asked

    def confirm(sub: str, **claims: Any) -> Any:
        page = client.post(f"/account/step-up/with/{known.pk}/", {"next": "/account/mfa/"})
        address = page.headers["Refresh"].removeprefix("0; url=")
        assert "prompt=login" in address
        assert "max_age=0" in address
        return client.get(CALLBACK, house.vouch(address, sub, **claims))

    def fresh() -> bool:
        made = client.post(
            "/api/v1/tokens/", {"label": "ci", "scopes": ["read"]}, content_type="application/json"
        )
        return made.status_code == 201

    assert confirm("kim", auth_time=int(time.time()) - 300).status_code == 400
    assert confirm("kim", auth_time=None).status_code == 400
    assert confirm("somebody else").status_code == 400
    assert not fresh()
    assert confirm("kim").headers["Location"] == "/account/mfa/"
    assert fresh()


def test_promise_17_a_provider_confirms_nobody_who_has_a_factor_of_their_own(
    house, known, person, phone, browser
):
    user = person("kim")
    link(known, user, "kim")
    phone(user)
    client = browser(user, minutes_ago=11)
    session = client.session
    session["sign_in_factor"] = "totp"
    session.save()
    page = client.post(f"/account/step-up/with/{known.pk}/", {"next": "/"})
    answer = client.get(CALLBACK, house.vouch(page.headers["Refresh"].removeprefix("0; url="), "kim"))
    assert answer.status_code == 400
    assert AuditEvent.objects.filter(action="mfa.step_up", outcome="failed").count() == 1


def test_somebody_links_their_own_account_and_unlinks_it(house, engineer, browser):
    provider = provider_add(house)
    client = browser(engineer)
    assert "Link House" in client.get("/account/identities/").content.decode()
    page = client.post(f"/account/identities/link/{provider.pk}/")
    answer = client.get(CALLBACK, house.vouch(page.headers["Refresh"].removeprefix("0; url="), "e-1"))
    assert answer.headers["Location"] == "/account/identities/"
    identity = FederatedIdentity.objects.get(user=engineer)
    assert client.get("/api/v1/identities/").json()[0]["subject"] == "e-1"
    mine = Client()
    sign_on(mine, house, "e-1")
    assert mine.get("/projects/shapes/").status_code == 200
    client.post(f"/account/identities/{identity.pk}/unlink/")
    assert not FederatedIdentity.objects.exists()
    assert sign_on(Client(), house, "e-1").status_code == 400


def test_promise_17_linking_asks_for_a_fresh_second_factor_and_a_form_of_our_own(house, engineer, browser):
    provider = provider_add(house)
    stale = browser(engineer, minutes_ago=11).post(f"/account/identities/link/{provider.pk}/")
    assert stale.headers["Location"].startswith("/account/step-up/")
    assert browser(engineer).get(f"/account/identities/link/{provider.pk}/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(engineer)
    assert strict.post(f"/account/identities/link/{provider.pk}/").status_code == 403


def test_a_link_that_one_began_is_not_ended_by_another_nor_with_a_taken_identity(
    house, engineer, viewer, browser
):
    provider = provider_add(house)
    link(provider, viewer, "v-1")
    client = browser(engineer)

    def address() -> str:
        page = client.post(f"/account/identities/link/{provider.pk}/")
        return page.headers["Refresh"].removeprefix("0; url=")

    assert client.get(CALLBACK, house.vouch(address(), "v-1")).status_code == 409
    answer = house.vouch(address(), "e-1")
    flows = client.session["single_sign_on"]
    other = browser(viewer)
    session = other.session
    session["single_sign_on"] = flows
    session.save()
    assert other.get(CALLBACK, answer).status_code == 400
    assert FederatedIdentity.objects.count() == 1


def test_the_last_way_in_cannot_be_unlinked(house, known):
    client = Client()
    sign_on(client, house, "kim")
    identity = FederatedIdentity.objects.get()
    client.post(f"/account/identities/{identity.pk}/unlink/")
    assert client.delete(f"/api/v1/identities/{identity.pk}/").json()["code"] == "last_way_in"
    assert FederatedIdentity.objects.exists()
    assert "You have no password" in client.get("/account/password/").content.decode()
    assert Client().post("/sign-in/", {"username": "kim", "password": ""}).status_code == 422


def test_a_reset_of_an_account_that_was_taken_over_unlinks_it(house, known, engineer, administrator, acting):
    from deployhub.accounts.services.users import user_reset

    link(known, engineer, "thief")
    user_reset(actor=acting(administrator), user=engineer)
    assert not FederatedIdentity.objects.exists()


def test_an_administrator_keeps_providers_and_mappings_at_both_doors(house, administrator, browser, project):
    client = browser(administrator)
    asked = {
        "name": "House",
        "issuer": house.issuer,
        "client_id": "hub",
        "client_secret": "s",
        "provisions": True,
    }
    made = client.post("/api/v1/identity-providers/", asked, content_type="application/json")
    assert made.status_code == 201
    told, address = made.json(), made.headers["Location"]
    assert (told["slug"], told["has_secret"], "client_secret" in told) == ("house", True, False)
    assert told["redirect_address"].endswith("/sign-in/with/house/callback/")
    assert client.post(f"{address}test/").json()["works"] is True
    page = f"/settings/single-sign-on/{told['id']}/"
    assert "checks PKCE" in client.post(f"{page}test/").content.decode().replace("Checks", "checks")
    sent = {"group": "builders", "role": "engineer", "project": str(project.pk)}
    assert client.post(f"{page}mappings/new/", sent).status_code == 302
    assert client.post(f"{page}mappings/new/", sent).status_code == 422
    assert client.post(f"{page}mappings/new/", {"group": "x", "role": "owner"}).status_code == 422
    wrong = {"group": "x", "role": "auditor", "project_id": str(project.pk)}
    assert client.post(f"{address}mappings/", wrong, content_type="application/json").status_code == 400
    mapping = client.get(f"{address}mappings/").json()[0]
    assert "builders" in client.get(page).content.decode()
    assert client.delete(f"{address}mappings/{mapping['id']}/").status_code == 204
    changed = client.patch(address, {"name": "Home"}, content_type="application/json").json()
    assert (changed["name"], changed["has_secret"]) == ("Home", True)
    assert client.get("/settings/single-sign-on/").status_code == 200
    assert client.delete(address).status_code == 204
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert actions >= {
        f"identity_provider.{verb}" for verb in ("create", "update", "view", "test", "remove")
    } | {"group_mapping.create", "group_mapping.remove"}


@pytest.mark.parametrize(
    "issuer", ["http://id.example.org", "ftp://x", "https://", "https://a@b", "https://x/?q", "x"]
)
def test_an_issuer_that_is_not_https_is_refused(administrator, browser, issuer):
    asked = {"name": "House", "issuer": issuer, "client_id": "hub"}
    answer = browser(administrator).post(
        "/api/v1/identity-providers/", asked, content_type="application/json"
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["issuer"])


def test_the_issuer_stays_once_people_are_linked(house, known, engineer, administrator, browser):
    link(known, engineer, "e-1")
    answer = browser(administrator).patch(
        f"/api/v1/identity-providers/{known.pk}/", {"issuer": "https://else.example.org"}, content_type="application/json"
    )  # fmt: skip
    assert answer.status_code == 400


def test_a_test_of_a_provider_that_is_away_says_why(house, known, administrator, browser):
    house.end()
    told = browser(administrator).post(f"/api/v1/identity-providers/{known.pk}/test/").json()
    assert (told["works"], "no answer" in told["problem"].lower()) == (False, True)


def test_promise_17_no_token_touches_who_signs_people_in(administrator, api):
    refused = api(administrator).post("/api/v1/identity-providers/", {"name": "x"}, format="json")
    assert refused.status_code == 403


def test_begin_leads_a_signed_in_person_onward(known, engineer, browser):
    assert browser(engineer).get("/sign-in/with/house/?next=/models/").headers["Location"] == "/models/"
    assert begin(Client()).startswith(known.issuer)

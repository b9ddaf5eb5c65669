"""Single sign-on: whom a provider vouches for gets in, and nobody else does, whatever they send."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from django.test import Client

from deployhub.accounts.models import FederatedIdentity, IdentityProvider, User
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from tests.accounts.openid_provider import CLIENT, KEY, OTHER_KEY, SECRET, OpenIdProvider, SigningKey

pytestmark = pytest.mark.django_db
CALLBACK = "/sign-in/with/house/callback/"


@pytest.fixture
def house() -> Iterator[OpenIdProvider]:
    """The provider itself."""
    provider = OpenIdProvider()
    yield provider
    provider.end()


def provider_add(house: OpenIdProvider, **settings: Any) -> IdentityProvider:
    with system_scope("test provider"):
        row = IdentityProvider(
            name=settings.pop("name", "House"),
            slug=settings.pop("slug", "house"),
            issuer=house.issuer,
            client_id=CLIENT,
            **settings,
        )
        row.client_secret = SECRET
        row.save()
    return row


@pytest.fixture
def known(house: OpenIdProvider) -> IdentityProvider:
    """The provider as DeployHub knows it: it makes accounts for people who are new."""
    return provider_add(house, provisions=True)


def link(provider: IdentityProvider, user: Any, subject: str) -> FederatedIdentity:
    with system_scope("test identity"):
        return FederatedIdentity.objects.create(provider=provider, subject=subject, user=user)


def begin(client: Client, **query: str) -> str:
    """Click the button; the address that the browser is sent to."""
    answer = client.get("/sign-in/with/house/", query)
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def sign_on(client: Client, house: OpenIdProvider, sub: str, /, **claims: Any) -> Any:
    return client.get(CALLBACK, house.vouch(begin(client), sub, **claims))


def refusal() -> str:
    return AuditEvent.objects.filter(action="account.sign_in", outcome="failed").latest("id").reason


def refused(answer: Any, client: Client) -> None:
    assert answer.status_code == 400, answer.content.decode()
    assert "Single sign-on did not work" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert not FederatedIdentity.objects.exists()


def test_somebody_new_gets_an_account_without_password_and_role_and_goes_on_where_they_wanted(house, known):
    client = Client()
    assert "Sign in with House" in client.get("/sign-in/").content.decode()
    address = begin(client, next="/docs/")
    assert "code_challenge_method=S256" in address
    answer = client.get(CALLBACK, house.vouch(address, "kim", email="kim@example.org", email_verified=True))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs/")
    kim = User.objects.get(username="kim")
    assert (kim.email, kim.has_usable_password(), kim.is_administrator) == ("kim@example.org", False, False)
    assert not kim.memberships.exists()
    assert client.get("/account/").status_code == 200
    signed_in = AuditEvent.objects.get(action="account.sign_in", outcome="success")
    assert signed_in.changes["factor"] == [None, "oidc"]
    made = AuditEvent.objects.get(action="identity.provision", object_type="user")
    assert made.actor_name == "Identity provider House"
    # The next time it is the same account.
    assert sign_on(Client(), house, "kim", preferred_username="other").status_code == 302
    assert User.objects.count() == 1


def test_without_provisioning_somebody_new_is_refused_and_told_what_to_do(house):
    provider_add(house)
    client = Client()
    answer = sign_on(client, house, "kim")
    refused(answer, client)
    assert "link it on your account page" in answer.content.decode()
    assert not User.objects.exists()


def test_a_name_or_mail_address_of_an_existing_account_opens_nothing(house, known, person):
    person("kim", email="kim@example.org", is_administrator=True)
    client = Client()
    assert sign_on(
        client, house, "evil", preferred_username="kim", email="kim@example.org", email_verified=True
    )
    mine = FederatedIdentity.objects.get().user
    assert (mine.username, mine.is_administrator) == ("kim-2", False)
    assert str(mine.pk) == client.session["_auth_user_id"]


def test_who_is_unverified_brings_no_mail_address_and_no_strange_name(house, known):
    sign_on(
        Client(),
        house,
        "x",
        preferred_username="<b>Ann\n",
        name="A\u202e",
        email="not mine@",
        email_verified="true",
    )
    made = User.objects.get()
    assert (made.username, made.name, made.email) == ("not-mine", "", "")


FORGERIES = {
    "another nonce": {"nonce": "of another browser"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example.org"},
    "another audience": {"aud": "another client"},
    "two audiences without azp": {"aud": [CLIENT, "another"]},
    "another authorised party": {"azp": "another"},
    "expired": {"exp": int(time.time()) - 120, "iat": int(time.time()) - 400},
    "from the future": {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
    "kept for an hour": {"iat": int(time.time()) - 3600, "exp": int(time.time()) + 7200},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 5},
    "no end": {"exp": None},
    "no time": {"iat": None},
    "a wild auth_time": {"auth_time": "now"},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_fails_a_check_signs_nobody_in(house, known, forgery):
    client = Client()
    refused(sign_on(client, house, "kim", **FORGERIES[forgery]), client)
    assert "identity token" in refusal()


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none", headers={"kid": KEY.kid})


def _signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """The classic: HS256, with what everybody can read as the secret."""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "JWT", "kid": KEY.kid}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, claims)
    ]
    mac = hmac.new(pem, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=").decode()])


@pytest.mark.parametrize(
    "sign",
    [
        _unsigned,
        _signed_with_the_public_key,
        lambda claims: OpenIdProvider.signed(None, claims, key=OTHER_KEY),  # type: ignore[arg-type]
        lambda claims: OpenIdProvider.signed(None, claims, key=OTHER_KEY, kid=KEY.kid),  # type: ignore[arg-type]
        lambda claims: OpenIdProvider.signed(None, claims, crit=["exp"]),  # type: ignore[arg-type]
        lambda claims: "not a token",
        lambda claims: None,
    ],
    ids=["alg none", "HS256", "unknown key", "wrong key", "crit", "no token", "nothing"],
)
def test_a_signature_that_is_none_of_the_providers_signs_nobody_in(house, known, sign):
    house.sign = sign
    client = Client()
    refused(sign_on(client, house, "kim"), client)


def test_a_short_key_is_not_believed(house, known):
    weak = SigningKey("weak", bits=1024)
    house.keys, house.sign = [weak], lambda claims: house.signed(claims, key=weak)
    client = Client()
    refused(sign_on(client, house, "kim"), client)


def test_a_new_key_of_the_provider_is_fetched_once(house, known):
    assert sign_on(Client(), house, "kim").status_code == 302
    house.keys, house.sign = [OTHER_KEY], lambda claims: house.signed(claims, key=OTHER_KEY)
    assert sign_on(Client(), house, "kim").status_code == 302
    assert house.asked.count("/keys") == 2
    assert sign_on(Client(), house, "kim").status_code == 302
    assert house.asked.count("/keys") == 2


def test_an_answer_works_once_and_in_the_browser_that_began(house, known):
    client, other = Client(), Client()
    answer = house.vouch(begin(client), "kim")
    begin(other)
    refused(other.get(CALLBACK, answer), other)
    assert client.get(CALLBACK, answer).status_code == 302
    client.post("/sign-out/")
    again = client.get(CALLBACK, answer)
    assert again.status_code == 400
    assert "_auth_user_id" not in client.session
    assert "state" in refusal()


@pytest.mark.parametrize("state", ["", "x", "ä" * 40])
def test_an_answer_with_an_invented_state_is_refused(house, known, state):
    client = Client()
    answer = house.vouch(begin(client), "kim")
    refused(client.get(CALLBACK, {**answer, "state": state}), client)
    assert not house.asked.count("/token")


def test_an_answer_comes_too_late_after_ten_minutes(house, known):
    client = Client()
    answer = house.vouch(begin(client), "kim")
    session = client.session
    session["single_sign_on"] = [{**flow, "at": flow["at"] - 601} for flow in session["single_sign_on"]]
    session.save()
    refused(client.get(CALLBACK, answer), client)


def test_a_flow_to_one_provider_is_not_ended_by_another(house, known):
    provider_add(house, slug="other", name="Other", provisions=True)
    client = Client()
    refused(client.get("/sign-in/with/other/callback/", house.vouch(begin(client), "kim")), client)


def test_a_provider_that_names_itself_in_its_answers_must_do_so(house, known):
    house.document = {"authorization_response_iss_parameter_supported": True}
    client = Client()
    refused(client.get(CALLBACK, house.vouch(begin(client), "kim")), client)
    wrong = house.vouch(begin(client), "kim") | {"iss": "https://evil.example.org"}
    refused(client.get(CALLBACK, wrong), client)
    assert client.get(CALLBACK, house.vouch(begin(client), "kim") | {"iss": house.issuer}).status_code == 302


def test_a_code_of_another_browser_does_not_fit_the_verifier(house, known):
    victim, thief = Client(), Client()
    stolen = house.vouch(begin(victim), "kim")
    mine = house.vouch(begin(thief), "thief")
    refused(thief.get(CALLBACK, {**mine, "code": stolen["code"]}), thief)
    assert "token endpoint answered 400" in refusal()


def test_who_cancels_at_the_provider_is_told_calmly_and_nothing_of_its_text_is_shown(house, known):
    client = Client()
    state = house.vouch(begin(client), "kim")["state"]
    sent = {"state": state, "error": "access_denied", "error_description": "<script>call 555</script>"}
    answer = client.get(CALLBACK, sent)
    refused(answer, client)
    assert "555" not in answer.content.decode()
    assert "access_denied" in refusal()


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example.org"},
        {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "ftp://x"},
    ],
    ids=["another issuer", "plain http", "no keys", "no web address", "no web address either"],
)
def test_a_discovery_document_that_is_not_right_ends_it(house, known, document):
    house.document = document
    answer = Client().get("/sign-in/with/house/")
    assert answer.status_code == 503
    assert "identity provider does not answer as it should" in answer.content.decode()


def test_a_provider_that_is_away_is_told_and_the_password_form_stays(house, known):
    house.end()
    client = Client()
    assert client.get("/sign-in/with/house/").status_code == 503
    assert "Password" in client.get("/sign-in/").content.decode()


def test_a_redirect_of_the_provider_is_not_followed(house, known):
    client = Client()
    answer = house.vouch(begin(client), "kim")
    house.trade = lambda form, header: (302, f"{house.issuer}/keys")  # type: ignore[method-assign]
    assert client.get(CALLBACK, answer).status_code == 400
    assert "/keys" not in house.asked


def test_userinfo_about_somebody_else_is_refused(house, known):
    house.userinfo = {"sub": "somebody else", "groups": ["admins"]}
    client = Client()
    refused(sign_on(client, house, "kim", groups=None), client)


def test_neither_a_deactivated_account_nor_a_machine_gets_in(house, known, person):
    for name, fields in (("gone", {"is_active": False}), ("robot", {"kind": "service"})):
        link(known, person(name, **fields), name)
        client = Client()
        answer = sign_on(client, house, name)
        assert answer.status_code == 400
        assert "_auth_user_id" not in client.session


def test_a_provider_that_is_switched_off_signs_nobody_in(house, known):
    client = Client()
    answer = house.vouch(begin(client), "kim")
    with system_scope("switched off"):
        known.is_enabled = False
        known.save()
    assert client.get(CALLBACK, answer).status_code == 404
    assert Client().get("/sign-in/with/house/").status_code == 404
    assert "Sign in with House" not in Client().get("/sign-in/").content.decode()


def test_promise_18_the_secret_for_the_provider_is_sealed_and_in_no_event(administrator, browser, house):
    sent = {
        "name": "House",
        "issuer": house.issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scopes": "openid",
    }
    assert browser(administrator).post("/settings/single-sign-on/new/", sent).status_code == 302
    row = IdentityProvider.objects.get()
    assert row.client_secret == SECRET
    assert SECRET not in row.sealed_secret
    assert SECRET not in str(list(AuditEvent.objects.values_list("changes", flat=True)))
    assert SECRET not in browser(administrator).get(f"/settings/single-sign-on/{row.pk}/").content.decode()

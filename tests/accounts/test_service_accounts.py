"""Service accounts: what a machine acts as."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from deployhub.access.models import Membership
from deployhub.accounts.models import ApiToken, ServiceAccount, User
from deployhub.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(owner: Any, project: Any, acting: Any) -> ServiceAccount:
    """A service account of the project, an engineer in it; the owner answers for it."""
    from deployhub.accounts.services.service_accounts import service_create

    return service_create(
        actor=acting(owner), project=project, username="nightly", purpose="exports", role="engineer"
    )


def new(browser: Any, project: Any, **fields: Any) -> Any:
    body = {
        "username": "nightly",
        "purpose": "exports at night",
        "project": str(project.pk),
        "role": "engineer",
    }
    return browser.post("/service-accounts/new/", {**body, **fields})


def test_an_owner_makes_a_service_account_and_answers_for_it(owner, project, browser):
    answer = new(browser(owner), project)
    service = ServiceAccount.objects.get()
    assert answer.headers["Location"] == f"/service-accounts/{service.pk}/"
    assert (service.responsible, service.user.is_service) == (owner, True)
    assert not service.user.has_usable_password()
    assert Membership.objects.get(user=service.user).role == "engineer"
    assert "exports at night" in browser(owner).get(answer.headers["Location"]).content.decode()


@pytest.mark.parametrize("role", ["owner", "administrator", ""])
def test_a_machine_never_owns_a_project_nor_has_a_global_role(role, owner, project, browser):
    assert new(browser(owner), project, role=role).status_code == 422
    assert not ServiceAccount.objects.exists()


def test_the_database_itself_refuses_a_machine_with_a_global_role(machine):
    from django.db import IntegrityError, transaction

    from deployhub.audit.scope import system_scope

    with pytest.raises(IntegrityError), transaction.atomic(), system_scope("test"):
        User.objects.filter(pk=machine.user_id).update(is_administrator=True)


def test_an_engineer_sees_the_machines_of_the_project_and_makes_none(engineer, machine, project, browser):
    theirs = browser(engineer)
    assert "nightly" in theirs.get("/service-accounts/").content.decode()
    assert new(theirs, project, username="other").status_code == 403
    assert theirs.post(f"/service-accounts/{machine.pk}/tokens/new/", {}).status_code == 403


def test_an_owner_of_another_project_makes_no_machine_here(stranger, project, browser):
    assert new(browser(stranger), project).status_code == 422
    body = {"username": "x", "purpose": "x", "project_id": str(project.pk), "role": "viewer"}
    answer = browser(stranger).post("/api/v1/service-accounts/", body, content_type="application/json")
    assert answer.status_code == 400


def test_promise_16_a_service_account_signs_in_at_no_door_but_a_token(machine, api, token_of):
    unknown = Client().post("/sign-in/", {"username": "nobody-of-this-name", "password": "x" * 14})
    refused = Client().post("/sign-in/", {"username": "nightly", "password": "x" * 14})
    plain = [a.content.decode().replace("nobody-of-this-name", "nightly") for a in (unknown, refused)]
    assert unknown.status_code == refused.status_code == 422
    assert ("Name or password is wrong" in plain[0], "Name or password is wrong" in plain[1]) == (True, True)
    forced = Client()
    forced.force_login(machine.user)
    assert forced.get("/account/").status_code == 302
    assert forced.get("/api/v1/me/").status_code in (401, 403)
    assert api(machine.user).get("/api/v1/me/").json()["kind"] == "service"


def test_a_machine_is_no_person_among_the_accounts(machine, administrator, browser, acting):
    from deployhub.accounts.services.users import user_deactivate, user_reset, user_update
    from deployhub.kernel.errors import NotFound

    assert "nightly" not in browser(administrator).get("/users/").content.decode()
    assert browser(administrator).get(f"/users/{machine.user_id}/").status_code == 404
    for act in (user_deactivate, user_reset, user_update):
        with pytest.raises(NotFound):
            act(actor=acting(administrator), user=machine.user)


def test_the_last_administrator_stays_although_there_are_machines(administrator, machine, acting):
    from deployhub.accounts.services.users import user_update
    from deployhub.kernel.errors import Conflict

    with pytest.raises(Conflict, match="last active administrator"):
        user_update(actor=acting(administrator), user=administrator, is_administrator=False)


def test_what_a_machine_does_stands_in_the_log_as_a_machines(machine, api):
    api(machine.user).get("/api/v1/models/")
    event = AuditEvent.objects.filter(action="model.view").latest("id")
    assert (event.actor_kind, event.actor_id, event.auth_method) == ("service", machine.user_id, "token")


def test_promise_19_deactivating_a_machine_ends_its_tokens_at_once_and_for_good(machine, owner, api, acting):
    from deployhub.accounts.services.service_accounts import service_activate, service_deactivate

    client = api(machine.user)
    assert client.get("/api/v1/me/").status_code == 200
    service_deactivate(actor=acting(owner), service=machine)
    assert client.get("/api/v1/me/").status_code == 401
    service_activate(actor=acting(owner), service=machine)
    assert client.get("/api/v1/me/").status_code == 401
    assert ApiToken.objects.get().revocation == "account"


def test_a_machine_whose_person_left_is_flagged_and_handed_over(
    machine, engineer, owner, administrator, browser, acting
):
    from deployhub.accounts.services.service_accounts import service_update
    from deployhub.accounts.services.users import user_deactivate

    service_update(actor=acting(owner), service=machine, responsible="engineer")
    user_deactivate(actor=acting(administrator), user=engineer)
    mine = browser(owner)
    assert "not active any more" in mine.get("/service-accounts/").content.decode()
    assert "Nobody answers for nightly" in mine.get("/").content.decode()
    answer = mine.post(f"/service-accounts/{machine.pk}/", {"purpose": "exports", "responsible": "owner"})
    assert answer.status_code == 302
    assert ServiceAccount.objects.get().responsible == owner
    assert "Nobody answers for" not in mine.get("/").content.decode()


def test_nobody_hands_a_machine_to_another_machine_or_to_somebody_who_left(machine, owner, browser):
    for name in ("nightly", "nobody"):
        answer = browser(owner).post(
            f"/service-accounts/{machine.pk}/", {"purpose": "x", "responsible": name}
        )
        assert answer.status_code == 422, name


def test_only_an_administrator_lets_a_machine_into_another_project(
    machine, stranger, foreign_project, administrator, acting
):
    """The owners of its own project make its tokens: else they would reach what the other project's owner opened."""
    from deployhub.kernel.errors import InvalidInput
    from deployhub.registry.services.members import membership_grant

    given = {"project": foreign_project, "username": "nightly", "role": "viewer"}
    with pytest.raises(InvalidInput, match="There is no active account"):
        membership_grant(actor=acting(stranger), **given)
    membership_grant(actor=acting(administrator), **given)
    with pytest.raises(InvalidInput):
        membership_grant(actor=acting(administrator), **{**given, "role": "owner"})


def test_an_owner_cannot_make_a_token_that_reaches_beyond_their_project(
    machine, owner, foreign_project, administrator, acting
):
    from deployhub.accounts.services.service_accounts import service_token_issue, service_token_rotate
    from deployhub.kernel.errors import Conflict, InvalidInput
    from deployhub.registry.services.members import membership_grant

    membership_grant(actor=acting(administrator), project=foreign_project, username="nightly", role="viewer")
    wide = {"label": "x", "scopes": ["read"], "project_ids": [foreign_project.pk], "life_days": 7}
    with pytest.raises(InvalidInput, match="administrator"):
        service_token_issue(actor=acting(owner), service=machine, **wide)
    token, _ = service_token_issue(actor=acting(administrator), service=machine, **wide)
    with pytest.raises(Conflict):
        service_token_rotate(actor=acting(owner), service=machine, token=token)
    bound, _ = service_token_issue(
        actor=acting(owner), service=machine, label="x", scopes=["read"], life_days=7
    )
    assert bound.project_ids == [str(machine.project_id)]


def test_page_and_api_list_and_filter_alike(machine, owner, browser):
    mine = browser(owner)
    for query, count in (("q=night", 1), ("q=other", 0), ("state=active", 1), ("state=inactive", 0), ("", 1)):
        assert len(mine.get(f"/api/v1/service-accounts/?{query}").json()["results"]) == count
        assert mine.get(f"/service-accounts/?{query}").content.decode().count("row-link") == count

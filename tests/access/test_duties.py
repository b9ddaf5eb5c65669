"""Who made a version does not put it into production alone, where the project demands a second person."""

from __future__ import annotations

import io
from typing import Any

import pytest

from deployhub.access.duties import is_other_than, require_other_than
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import system_actor
from deployhub.kernel.errors import Conflict, Forbidden
from deployhub.registry.models import AliasRequest, ModelAlias, ModelVersion, RegisteredModel
from deployhub.registry.services.approvals import (
    alias_request_approve,
    alias_request_create,
    alias_request_decline,
    alias_request_withdraw,
)
from deployhub.registry.services.models import alias_set
from deployhub.registry.services.projects import project_duties_set
from deployhub.registry.storage import blob_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def second_owner(person: Any, project: Any) -> Any:
    return person("second", role="owner", project=project)


@pytest.fixture
def version(owner: Any, project: Any, cleared: Any) -> ModelVersion:
    """Made by the owner, with an artifact whose certificate passed."""
    with system_scope("a version"):
        blob = blob_store(io.BytesIO(b"weights"))
        model = RegisteredModel.objects.create(project=project, name="Circles", slug="circles")
        made = ModelVersion.objects.create(
            project=project, model=model, number=1, blob=blob, file_name="best.pt", source_kind="pt",
            state="accepted", created_by=owner,
        )  # fmt: skip
    cleared(made)
    return made


@pytest.fixture
def four_eyes(project: Any, owner: Any, acting: Any) -> None:
    project_duties_set(actor=acting(owner), project=project, four_eyes=True)


def champion() -> ModelAlias | None:
    return ModelAlias.objects.filter(name="champion").first()


def test_a_project_of_one_person_is_not_held_up(version: ModelVersion, owner: Any, acting: Any) -> None:
    assert (
        alias_set(actor=acting(owner), model=version.model, name="champion", version=version).version
        == version
    )


def test_an_owner_cannot_put_their_own_version_into_production(
    four_eyes: None, version: ModelVersion, owner: Any, administrator: Any, acting: Any, api: Any
) -> None:
    with pytest.raises(Forbidden) as refused:
        alias_set(actor=acting(owner), model=version.model, name="champion", version=version)
    assert refused.value.code == "other_person_needed"
    denied = AuditEvent.objects.get(action="model.alias", outcome="denied")
    assert (denied.actor_id, denied.object_id) == (owner.pk, str(version.model_id)), "and the log has it"
    response = api(owner).post(
        f"/api/v1/models/{version.model_id}/aliases/",
        {"name": "champion", "version": str(version.pk)},
        format="json",
    )
    assert (response.status_code, response.json()["code"]) == (403, "other_person_needed")
    assert champion() is None


def test_another_alias_needs_nobody_else(
    four_eyes: None, version: ModelVersion, owner: Any, acting: Any
) -> None:
    alias_set(actor=acting(owner), model=version.model, name="candidate", version=version)


def test_another_person_points_the_alias_directly(
    four_eyes: None, version: ModelVersion, release_manager: Any, acting: Any
) -> None:
    alias_set(actor=acting(release_manager), model=version.model, name="champion", version=version)
    assert champion() is not None


def test_a_makers_request_waits_for_another_person_who_approves_it_on_the_page(
    four_eyes: None, version: ModelVersion, owner: Any, release_manager: Any, browser: Any
) -> None:
    mine = browser(owner).post(
        f"/models/{version.model_id}/aliases/", {"name": "champion", "version": str(version.pk)}, follow=True
    )
    assert "waits for another person" in mine.content.decode()
    assert champion() is None
    asked = AliasRequest.objects.get()
    assert "Approve champion → Circles v1" in browser(release_manager).get("/").content.decode()
    assert "Approve champion" not in browser(owner).get("/").content.decode()
    assert browser(owner).post(f"/alias-requests/{asked.pk}/approve/").status_code == 403
    assert champion() is None
    assert browser(release_manager).post(f"/alias-requests/{asked.pk}/approve/").status_code == 302
    pointed = champion()
    assert pointed is not None
    assert pointed.version == version
    events = AuditEvent.objects.filter(action="alias.approve", outcome="success")
    assert {event.object_type for event in events} >= {"alias_request", "modelalias"}
    assert AuditEvent.objects.filter(action="alias.request", actor_id=owner.pk).exists()


def test_neither_the_maker_nor_who_asked_approves(
    four_eyes: None, version: ModelVersion, owner: Any, engineer: Any, second_owner: Any, release_manager: Any,
    acting: Any,
) -> None:  # fmt: skip
    asked = alias_request_create(
        actor=acting(release_manager), model=version.model, name="champion", version=version
    )
    for person in (owner, release_manager):
        with pytest.raises(Forbidden) as refused:
            alias_request_approve(actor=acting(person), request=asked)
        assert refused.value.code == "other_person_needed"
    with pytest.raises(Forbidden):
        alias_request_approve(actor=acting(engineer), request=asked)
    assert champion() is None
    alias_request_approve(actor=acting(second_owner), request=asked)
    assert champion() is not None


def test_a_token_of_the_maker_is_the_maker(
    four_eyes: None, version: ModelVersion, owner: Any, acting: Any, api: Any
) -> None:
    asked = alias_request_create(actor=acting(owner), model=version.model, name="champion", version=version)
    assert (
        api(owner).post(f"/api/v1/alias-requests/{asked.pk}/approve/", {}, format="json").status_code == 403
    )


def test_an_engineer_asks_and_is_declined_with_a_reason_by_the_api(
    four_eyes: None, version: ModelVersion, engineer: Any, release_manager: Any, viewer: Any, api: Any
) -> None:
    body = {"version": str(version.pk), "name": "champion", "reason": "beats v0 by 3 points"}
    assert api(viewer).post("/api/v1/alias-requests/", body, format="json").status_code == 403
    made = api(engineer).post("/api/v1/alias-requests/", body, format="json")
    assert made.status_code == 201
    assert api(engineer).post("/api/v1/alias-requests/", body, format="json").status_code == 409
    address = f"/api/v1/alias-requests/{made.json()['id']}/"
    assert api(release_manager).post(f"{address}decline/", {}, format="json").status_code == 400
    done = api(release_manager).post(f"{address}decline/", {"reason": "no evaluation"}, format="json")
    assert done.json()["state"] == "declined"
    assert api(viewer).get(address).json()["decision_reason"] == "no evaluation"


def test_a_decided_request_stays_decided(
    four_eyes: None, version: ModelVersion, owner: Any, release_manager: Any, acting: Any
) -> None:
    asked = alias_request_create(actor=acting(owner), model=version.model, name="champion", version=version)
    alias_request_decline(actor=acting(release_manager), request=asked, reason="not yet")
    with pytest.raises(Conflict):
        alias_request_approve(actor=acting(release_manager), request=AliasRequest.objects.get())
    with pytest.raises(Conflict):
        alias_request_withdraw(actor=acting(owner), request=AliasRequest.objects.get())


def test_without_the_demand_there_is_nothing_to_ask(version: ModelVersion, owner: Any, acting: Any) -> None:
    with pytest.raises(Conflict) as refused:
        alias_request_create(actor=acting(owner), model=version.model, name="champion", version=version)
    assert refused.value.code == "no_approval_needed"


def test_promise_14_a_strangers_request_is_none(
    four_eyes: None, version: ModelVersion, owner: Any, stranger: Any, acting: Any, api: Any
) -> None:
    asked = alias_request_create(actor=acting(owner), model=version.model, name="champion", version=version)
    assert api(stranger).get(f"/api/v1/alias-requests/{asked.pk}/").status_code == 404
    assert api(stranger).get("/api/v1/alias-requests/").json()["results"] == []


def test_the_rule_itself(owner: Any, viewer: Any, acting: Any) -> None:
    assert is_other_than(acting(owner), [viewer.pk, None])
    assert not is_other_than(acting(owner), [viewer.pk, owner.pk])
    assert not is_other_than(system_actor("a worker"), [viewer.pk]), (
        "DeployHub is nobody's second pair of eyes"
    )
    with pytest.raises(Forbidden):
        require_other_than(acting(owner), [owner.pk], sentence="You made this.")


def test_switching_the_demand_is_an_event_of_its_own(
    four_eyes: None, owner: Any, engineer: Any, project: Any, acting: Any, api: Any
) -> None:
    assert AuditEvent.objects.get(action="project.duties").changes == {"four_eyes": [False, True]}
    address = f"/api/v1/projects/{project.pk}/duties/"
    assert api(engineer).put(address, {"four_eyes": False}, format="json").status_code == 403
    assert api(owner).put(address, {"four_eyes": False}, format="json").json()["four_eyes"] is False

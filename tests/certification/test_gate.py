"""Nothing goes towards production without a certificate that passed, or two people who answer for it."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.certification.services.overrides import (
    artifact_approval_remove,
    artifact_approve,
    override_approve,
    override_decline,
    override_request,
    override_withdraw,
)
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.registry.models import ModelAlias
from deployhub.registry.services.gate import clearance_of
from deployhub.registry.services.models import alias_set

pytestmark = pytest.mark.django_db

REASON = "The plant waits for it, and the loss is on one rare class."


def test_champion_is_refused_without_a_certificate(version: Any, owner: Any, acting: Any) -> None:
    with pytest.raises(Conflict) as refused:
        alias_set(actor=acting(owner), model=version.model, name="champion", version=version)
    assert refused.value.code == "not_certified"
    assert not ModelAlias.objects.exists()


@pytest.mark.parametrize("outcome", ["failed", "unverified"])
def test_champion_is_refused_with_a_certificate_that_did_not_pass(
    version: Any, owner: Any, acting: Any, cleared: Any, outcome: str
) -> None:
    cleared(version, outcome=outcome)
    with pytest.raises(Conflict, match="none of its artifacts"):
        alias_set(actor=acting(owner), model=version.model, name="champion", version=version)


def test_champion_is_pointed_at_a_certified_version(
    version: Any, owner: Any, acting: Any, cleared: Any
) -> None:
    cleared(version)
    alias_set(actor=acting(owner), model=version.model, name="champion", version=version)
    assert ModelAlias.objects.get().version == version


def test_other_aliases_are_free(version: Any, owner: Any, acting: Any) -> None:
    alias_set(actor=acting(owner), model=version.model, name="candidate", version=version)
    assert ModelAlias.objects.get().name == "candidate"


def test_a_later_failure_closes_the_gate_again(
    version: Any, artifact: Any, owner: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact)
    cleared(version, artifact=artifact, outcome="failed")
    with pytest.raises(Conflict):
        artifact_approve(actor=acting(owner), artifact=artifact)


def test_a_release_manager_approves_what_is_certified(
    version: Any, artifact: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact)
    artifact_approve(actor=acting(release_manager), artifact=artifact)
    artifact.refresh_from_db()
    assert artifact.approved_by == release_manager
    artifact_approval_remove(actor=acting(release_manager), artifact=artifact, reason=REASON)
    artifact.refresh_from_db()
    assert artifact.approved_by is None
    assert artifact.approved_at is None


def test_an_engineer_does_not_approve(
    version: Any, artifact: Any, engineer: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact)
    with pytest.raises(Forbidden):
        artifact_approve(actor=acting(engineer), artifact=artifact)


def test_a_new_certificate_that_fails_takes_the_approval_away(
    version: Any, artifact: Any, release_manager: Any, acting: Any, cleared: Any, certify: Any, engine: Any
) -> None:
    cleared(version, artifact=artifact)
    artifact_approve(actor=acting(release_manager), artifact=artifact)
    engine.result["outcome"] = "failed"
    assert certify(artifact).number == 2
    artifact.refresh_from_db()
    assert artifact.approved_at is None


# Overrides


def test_two_people_let_an_artifact_go_on(
    version: Any, artifact: Any, engineer: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(engineer), artifact=artifact, reason=REASON)
    assert not clearance_of(artifact).is_cleared
    override_approve(actor=acting(release_manager), override=asked, reason="Agreed for the pilot only.")
    assert clearance_of(artifact).is_cleared
    assert not clearance_of(artifact).is_certified
    artifact_approve(actor=acting(release_manager), artifact=artifact)
    event = AuditEvent.objects.get(action="override.decide", outcome="success")
    assert event.reason == "Agreed for the pilot only."


def test_who_asked_does_not_decide(
    version: Any, artifact: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(release_manager), artifact=artifact, reason=REASON)
    with pytest.raises(Forbidden) as refused:
        override_approve(actor=acting(release_manager), override=asked, reason=REASON)
    assert refused.value.code == "other_person_needed"
    assert AuditEvent.objects.filter(action="override.decide", outcome="denied").exists()


def test_who_made_the_artifact_does_not_decide_even_as_owner(
    version: Any, artifact: Any, owner: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    from deployhub.audit.scope import system_scope

    with system_scope("made by the owner"):
        artifact.created_by = owner
        artifact.save()
    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(release_manager), artifact=artifact, reason=REASON)
    with pytest.raises(Forbidden):
        override_approve(actor=acting(owner), override=asked, reason=REASON)


def test_an_administrator_is_no_exception(
    version: Any, artifact: Any, administrator: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(administrator), artifact=artifact, reason=REASON)
    with pytest.raises(Forbidden):
        override_approve(actor=acting(administrator), override=asked, reason=REASON)


def test_the_database_refuses_one_person_as_two(
    version: Any, artifact: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    from django.db import IntegrityError, transaction

    from deployhub.audit.scope import system_scope

    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(release_manager), artifact=artifact, reason=REASON)
    asked.state, asked.decided_by = "approved", release_manager
    with pytest.raises(IntegrityError), transaction.atomic(), system_scope("forged"):
        asked.save()


def test_an_override_ends_with_the_next_certificate(
    version: Any, artifact: Any, engineer: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(engineer), artifact=artifact, reason=REASON)
    override_approve(actor=acting(release_manager), override=asked, reason=REASON)
    cleared(version, artifact=artifact, outcome="failed")
    assert not clearance_of(artifact).is_cleared


def test_a_request_for_an_older_certificate_is_not_given(
    version: Any, artifact: Any, engineer: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    asked = override_request(actor=acting(engineer), artifact=artifact, reason=REASON)
    cleared(version, artifact=artifact, outcome="failed")
    with pytest.raises(Conflict, match="newer certificate"):
        override_approve(actor=acting(release_manager), override=asked, reason=REASON)


def test_a_word_is_no_reason(version: Any, artifact: Any, engineer: Any, acting: Any, cleared: Any) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    with pytest.raises(InvalidInput) as refused:
        override_request(actor=acting(engineer), artifact=artifact, reason="  urgent  ")
    assert "auditors read it" in refused.value.errors["reason"][0]


def test_nothing_is_overridden_that_passed(
    version: Any, artifact: Any, engineer: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact)
    with pytest.raises(Conflict, match="may go on already"):
        override_request(actor=acting(engineer), artifact=artifact, reason=REASON)


def test_a_declined_or_withdrawn_request_opens_nothing(
    version: Any, artifact: Any, engineer: Any, release_manager: Any, acting: Any, cleared: Any
) -> None:
    cleared(version, artifact=artifact, outcome="failed")
    first = override_request(actor=acting(engineer), artifact=artifact, reason=REASON)
    override_decline(actor=acting(release_manager), override=first, reason="Retrain it first, please.")
    second = override_request(actor=acting(engineer), artifact=artifact, reason=REASON)
    with pytest.raises(Conflict, match="Only who asked"):
        override_withdraw(actor=acting(release_manager), override=second)
    override_withdraw(actor=acting(engineer), override=second)
    assert not clearance_of(artifact).is_cleared
    with pytest.raises(Conflict, match="does not wait"):
        override_approve(actor=acting(release_manager), override=second, reason=REASON)

"""Going on without a passed certificate, and the mark of approval: both need people who answer for it."""

from __future__ import annotations

from deployhub.access.duties import require_other_than
from deployhub.access.vocab import RequestState
from deployhub.accounts.models import User
from deployhub.audit.scope import touch
from deployhub.certification.vocab import REASON_MIN_CHARACTERS
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.models import Artifact, CertificateOverride
from deployhub.registry.services.gate import clearance_of, require_cleared
from deployhub.registry.services.models import makers_of
from deployhub.usecase import usecase


def _reason_checked(reason: str) -> str:
    reason = " ".join(reason.split())[:500]
    if len(reason) < REASON_MIN_CHARACTERS:
        raise InvalidInput(
            "Say why.",
            errors={"reason": [f"Say why, in {REASON_MIN_CHARACTERS} characters or more; auditors read it."]},
        )
    return reason


@usecase("override.request", on="artifact")
def override_request(*, actor: Actor, artifact: Artifact, reason: str) -> CertificateOverride:
    """Ask that an artifact may go on without a passed certificate. Another person decides."""
    reason = _reason_checked(reason)
    clearance = clearance_of(artifact)
    if clearance.is_cleared:
        raise Conflict("This artifact may go on already.", hint="Nothing has to be overridden.")
    if CertificateOverride.objects.filter(artifact=artifact, state=RequestState.WAITING).exists():
        raise Conflict("This is asked for already.", hint="Wait for the answer, or withdraw it.")
    return CertificateOverride.objects.create(
        project_id=artifact.project_id,
        artifact=artifact,
        certificate=clearance.certificate,
        reason=reason,
        requested_by=User.objects.get(pk=actor.user_id),
    )


@usecase("override.decide", on="override")
def override_approve(*, actor: Actor, override: CertificateOverride, reason: str) -> CertificateOverride:
    """Let the artifact go on. Not by who asked, nor by who made the version or the artifact."""
    reason = _reason_checked(reason)
    artifact = override.artifact
    require_other_than(
        actor,
        [override.requested_by_id, artifact.created_by_id, *makers_of(artifact.version)],
        sentence="Who asked for an override, or made the artifact, cannot be the one who gives it.",
        hint="Ask another release manager or owner.",
    )
    standing = clearance_of(artifact).certificate
    if (standing.pk if standing else None) != override.certificate_id:
        raise Conflict(
            "There is a newer certificate than the one that this was asked for.",
            hint="Look at the newer certificate; the request can be withdrawn and made again.",
        )
    return _decide(override, actor, RequestState.APPROVED, reason)


@usecase("override.decide", on="override")
def override_decline(*, actor: Actor, override: CertificateOverride, reason: str) -> CertificateOverride:
    """Say no, and why."""
    return _decide(override, actor, RequestState.DECLINED, _reason_checked(reason))


@usecase("override.request", on="override")
def override_withdraw(*, actor: Actor, override: CertificateOverride) -> CertificateOverride:
    """Take a request back; only who asked does."""
    if actor.user_id != override.requested_by_id:
        raise Conflict("Only who asked can withdraw a request.", hint="Decline it instead.")
    return _decide(override, actor, RequestState.WITHDRAWN, "")


def _decide(
    override: CertificateOverride, actor: Actor, state: RequestState, reason: str
) -> CertificateOverride:
    """Move a request that waits; of two who decide at once, one does."""
    waiting = CertificateOverride.objects.filter(pk=override.pk, state=RequestState.WAITING)
    if not waiting.compare_and_set(
        state=state, decided_by_id=actor.user_id, decided_at=utc_now(), decision_reason=reason
    ):
        raise Conflict(
            "This request does not wait any more.", hint="Reload the page.", code="already_decided"
        )
    override.refresh_from_db()
    return override


@usecase("artifact.approve", on="artifact")
def artifact_approve(*, actor: Actor, artifact: Artifact) -> Artifact:
    """Mark an artifact fit for deployment. It has to be cleared; where the project demands a second person, not by its maker."""
    require_cleared(artifact)
    if artifact.project.four_eyes:
        require_other_than(
            actor,
            [artifact.created_by_id, *makers_of(artifact.version)],
            sentence=f"You made {artifact}, so another person has to approve it.",
            hint="Ask another release manager or owner.",
        )
    if artifact.approved_at is not None:
        raise Conflict("This artifact is approved already.", hint="Reload the page.")
    artifact.approved_by_id, artifact.approved_at = actor.user_id, utc_now()
    artifact.save(update_fields=["approved_by", "approved_at"])
    return artifact


@usecase("artifact.approve", on="artifact")
def artifact_approval_remove(*, actor: Actor, artifact: Artifact, reason: str) -> Artifact:
    """Take the mark away, and say why."""
    reason = _reason_checked(reason)
    if artifact.approved_at is None:
        raise Conflict("This artifact is not approved.", hint="Reload the page.")
    artifact.approved_by, artifact.approved_at = None, None
    artifact.save(update_fields=["approved_by", "approved_at"])
    touch(artifact, approval_removed=reason)
    return artifact

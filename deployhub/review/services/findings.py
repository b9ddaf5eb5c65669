"""What people do with a finding. All of it is in the audit log, and nobody signs off what is about themselves."""

from __future__ import annotations

from deployhub.accounts.models import User
from deployhub.audit.models import AuditEvent
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput
from deployhub.review.models import Finding, FindingComment
from deployhub.review.watch.vocab import CLOSING_STATES, FINDING_EVENTS_MAX, FindingState
from deployhub.usecase import usecase


def _comment(actor: Actor, finding: Finding, text: str) -> FindingComment:
    return FindingComment.objects.create(
        finding=finding, author_id=actor.user_id, author_name=actor.name[:200], text=text
    )


@usecase("finding.update", on="finding")
def finding_assign(*, actor: Actor, finding: Finding, username: str) -> Finding:
    """Give a finding to somebody who may sign it off, or with an empty name to nobody."""
    owner = None
    if username.strip():
        owner = User.objects.filter(username__iexact=username.strip(), is_active=True).first()
        if owner is None or not (owner.is_administrator or owner.is_auditor):
            sentence = "Choose an active administrator or auditor."
            raise InvalidInput(sentence, errors={"owner": [sentence]})
        if finding.is_about(owner.pk):
            sentence = "This finding is about them: give it to somebody else."
            raise InvalidInput(sentence, errors={"owner": [sentence]})
    if finding.owner_id == (owner.pk if owner else None):
        raise Conflict("Nothing changed: the finding belongs to them already.")
    finding.owner = owner
    finding.save(update_fields=["owner"])
    return finding


@usecase("finding.update", on="finding")
def finding_comment(*, actor: Actor, finding: Finding, text: str) -> FindingComment:
    """Say something about a finding, at any time."""
    if not text.strip():
        raise InvalidInput("The comment is empty.", errors={"text": ["Write something."]})
    return _comment(actor, finding, text.strip())


@usecase("finding.update", on="finding")
def finding_link(*, actor: Actor, finding: Finding, event_id: int, note: str = "") -> Finding:
    """Link a further event of the audit log to a finding."""
    if event_id in finding.event_ids:
        raise Conflict("This event is linked already.")
    if len(finding.event_ids) >= FINDING_EVENTS_MAX:
        raise Conflict(
            f"A finding links at most {FINDING_EVENTS_MAX} events.", hint="Name the event in a comment."
        )
    event = AuditEvent.objects.filter(pk=event_id).first() if 0 < event_id < 2**63 else None
    if event is None:
        sentence = "There is no event of this number."
        raise InvalidInput(sentence, errors={"event_id": [sentence]})
    finding.event_ids = sorted([*finding.event_ids, event_id])
    finding.event_count += 1
    finding.save(update_fields=["event_ids", "event_count"])
    _comment(actor, finding, f"Linked event {event_id} ({event.action}). {note.strip()}".strip()[:2000])
    return finding


@usecase("finding.close", on="finding")
def finding_close(*, actor: Actor, finding: Finding, state: str, reason: str) -> Finding:
    """Sign a finding off as benign or confirmed, with a reason. Not one about oneself."""
    if finding.is_about(actor.user_id):
        raise Forbidden(
            "This finding is about you, so somebody else signs it off.",
            hint="Say in a comment what happened, and ask another auditor or administrator.",
            code="finding_about_oneself",
        )
    if state not in CLOSING_STATES:
        raise InvalidInput(
            "A finding is signed off as benign or confirmed.",
            errors={"state": ["Choose benign or confirmed."]},
        )
    if len(reason.strip()) < 3:
        raise InvalidInput("A reason is missing.", errors={"reason": ["Say how you came to it."]})
    still = Finding.objects.filter(pk=finding.pk, state__in=(FindingState.OPEN, FindingState.MUTED))
    closed = still.compare_and_set(
        state=state,
        closed_at=utc_now(),
        closed_by_id=actor.user_id,
        closed_by_name=actor.name[:200],
        closing_reason=reason.strip()[:500],
    )
    if not closed:
        raise Conflict("This finding is signed off already.", hint="Open it again to change that.")
    finding.refresh_from_db()
    return finding


@usecase("finding.update", on="finding")
def finding_reopen(*, actor: Actor, finding: Finding, reason: str) -> Finding:
    """Open a finding again that was signed off or found while its rule was muted. The old reason stays in the history."""
    if finding.state == FindingState.OPEN:
        raise Conflict("This finding is open.")
    if len(reason.strip()) < 3:
        raise InvalidInput("A reason is missing.", errors={"reason": ["Say what came up."]})
    _comment(actor, finding, f"Opened again: {reason.strip()}"[:2000])
    finding.state = FindingState.OPEN
    finding.closed_at = finding.closed_by_id = None
    finding.closed_by_name = finding.closing_reason = ""
    finding.save()
    return finding

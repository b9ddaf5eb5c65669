"""Requests for a role in a project, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

from deployhub.access.duties import require_other_than
from deployhub.access.models import AccessRequest, Membership, not_ended
from deployhub.access.vocab import RequestState, Role
from deployhub.accounts.models import User
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Actor, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.models import Project
from deployhub.registry.services.members import machine_may_join, member_set
from deployhub.registry.vocab import ACCESS_DAYS_MAX, ACCESS_REQUEST_LIFE_DAYS, ACCESS_REQUESTS_WAITING_MAX
from deployhub.usecase import usecase


@usecase("access.request")
def access_request_create(
    *, actor: Actor, slug: str, role: str, reason: str, duration_days: int
) -> AccessRequest:
    """Ask for a role in the project of this short name, for some days.

    Whether there is such a project is not told: a request that leads nowhere is kept and answered like any other, and
    lapses like one that nobody decides.
    """
    slug = slug.strip().lower()
    user = User.objects.select_for_update().get(pk=actor.user_id)
    _days_check(duration_days)
    project = Project.objects.filter(slug=slug, archived_at=None).first()
    held = (
        Membership.objects.filter(not_ended(), project=project, user=user)
        .select_related("custom_role")
        .first()
        if project is not None
        else None
    )
    # A member knows the project's own roles; to everybody else only the names of the built-in ones mean anything.
    custom = set(project.custom_roles.values_list("slug", flat=True)) if project and held else set()
    if role not in custom and role not in Role.values:
        raise InvalidInput("There is no such role.", errors={"role": ["Choose a role from the list."]})
    if held is not None and held.role_key == role:
        raise Conflict(f"You are {held.role_label} of this project already.", hint="Ask for another role.")
    waiting = AccessRequest.objects.filter(user=user, state=RequestState.WAITING)
    if waiting.filter(slug=slug).exists():
        raise Conflict(
            f"You have asked for access to {slug} already.", hint="Wait for the answer, or withdraw it."
        )
    if waiting.count() >= ACCESS_REQUESTS_WAITING_MAX:
        raise Conflict(
            f"You have {ACCESS_REQUESTS_WAITING_MAX} requests under way.", hint="Withdraw one first."
        )
    return AccessRequest.objects.create(
        user=user, project=project, slug=slug, role=role, reason=reason.strip(), duration_days=duration_days
    )


@usecase("access.withdraw", on="request")
def access_request_withdraw(*, actor: Actor, request: AccessRequest) -> AccessRequest:
    """Take an own request back."""
    return _decide(request, state=RequestState.WITHDRAWN, decided_at=utc_now())


@usecase("access.decide", on="request")
def access_request_approve(
    *, actor: Actor, request: AccessRequest, days: int | None = None, reason: str = ""
) -> AccessRequest:
    """Grant what was asked for, for as long as was asked or shorter. Never one's own; never above one's own role."""
    require_other_than(
        actor, [request.user_id], sentence="Nobody approves their own request.", hint="Ask another owner."
    )
    days = request.duration_days if days is None else days
    if not 1 <= days <= request.duration_days:
        sentence = f"Say 1 to {request.duration_days} days: an approval may shorten what was asked for."
        raise InvalidInput(sentence, errors={"days": [sentence]})
    if not request.user.is_active or not machine_may_join(actor, request.project, request.user):
        raise Conflict(
            f"The account {request.user.username} cannot join: it is not active, or belongs to another project."
        )
    decided = _decide(
        request,
        state=RequestState.APPROVED,
        decided_at=utc_now(),
        decided_by_id=actor.user_id,
        granted_days=days,
        decision_reason=reason.strip(),
    )
    member_set(actor, request.project, request.user, request.role, days=days)
    return decided


@usecase("access.decide", on="request")
def access_request_decline(*, actor: Actor, request: AccessRequest, reason: str) -> AccessRequest:
    """Say no, and why."""
    if not reason.strip():
        raise InvalidInput("Say why.", errors={"reason": ["Say why; the person reads it."]})
    return _decide(
        request,
        state=RequestState.DECLINED,
        decided_at=utc_now(),
        decided_by_id=actor.user_id,
        decision_reason=reason.strip(),
    )


def access_requests_sweep() -> int:
    """Let requests lapse that nobody answered."""
    before = utc_now() - timedelta(days=ACCESS_REQUEST_LIFE_DAYS)
    old = AccessRequest.objects.filter(state=RequestState.WAITING, created_at__lt=before)
    if not old.exists():
        return 0
    with system_scope("nobody answered", action="access.lapse", door=Door.WORKER):
        return old.update(state=RequestState.LAPSED)


def _days_check(days: int) -> None:
    if not 1 <= days <= ACCESS_DAYS_MAX:
        sentence = f"Say 1 to {ACCESS_DAYS_MAX} days."
        raise InvalidInput(sentence, errors={"duration_days": [sentence]})


def _decide(request: AccessRequest, **values: object) -> AccessRequest:
    """Move a request that waits; of two who decide at once, one does."""
    waiting = AccessRequest.objects.filter(pk=request.pk, state=RequestState.WAITING)
    if not waiting.compare_and_set(**values):
        raise Conflict(
            "This request does not wait any more.", hint="Reload the page.", code="already_decided"
        )
    request.refresh_from_db()
    return request

"""The second person: where a project demands it, who made a version does not put it into production alone."""

from __future__ import annotations

from deployhub.access.duties import is_other_than, require_other_than
from deployhub.access.vocab import RequestState
from deployhub.accounts.models import User
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.models import AliasRequest, ModelVersion, RegisteredModel
from deployhub.registry.services.models import alias_checked, alias_point, is_production, makers_of
from deployhub.usecase import usecase


def approval_needed(actor: Actor, model: RegisteredModel, name: str, version: ModelVersion) -> bool:
    """Whether the actor has to ask somebody else to point this alias at this version."""
    return is_production(model, name) and not is_other_than(actor, makers_of(version))


@usecase("alias.request", on="model")
def alias_request_create(
    *, actor: Actor, model: RegisteredModel, name: str, version: ModelVersion, reason: str = ""
) -> AliasRequest:
    """Ask that the production alias points at this version. Another person approves or declines."""
    if not is_production(model, name):
        raise Conflict(
            f"{name} needs no second person here.",
            hint="Set the alias directly; the project's settings say which need approval.",
            code="no_approval_needed",
        )
    alias_checked(model, name, version)
    if AliasRequest.objects.filter(
        model=model, name=name, version=version, state=RequestState.WAITING
    ).exists():
        raise Conflict("This is asked for already.", hint="Wait for the answer, or withdraw it.")
    return AliasRequest.objects.create(
        project_id=model.project_id,
        model=model,
        name=name,
        version=version,
        reason=reason.strip(),
        requested_by=User.objects.get(pk=actor.user_id),
    )


@usecase("alias.approve", on="request")
def alias_request_approve(*, actor: Actor, request: AliasRequest, reason: str = "") -> AliasRequest:
    """Point the alias. Not by who made the version, and not by who asked."""
    require_other_than(
        actor,
        [*makers_of(request.version), request.requested_by_id],
        sentence="Who made the version, or asked for it, cannot be the one who approves it.",
        hint="Ask another release manager or owner.",
    )
    alias_checked(request.model, request.name, request.version)
    _decide(request, actor, RequestState.APPROVED, reason)
    alias_point(request.model, request.name, request.version)
    return request


@usecase("alias.approve", on="request")
def alias_request_decline(*, actor: Actor, request: AliasRequest, reason: str) -> AliasRequest:
    """Say no, and why."""
    if not reason.strip():
        raise InvalidInput("Say why.", errors={"reason": ["Say why; the person reads it."]})
    return _decide(request, actor, RequestState.DECLINED, reason)


@usecase("alias.request", on="request")
def alias_request_withdraw(*, actor: Actor, request: AliasRequest) -> AliasRequest:
    """Take a request back; only who asked does."""
    if actor.user_id != request.requested_by_id:
        raise Conflict("Only who asked can withdraw a request.", hint="Decline it instead.")
    return _decide(request, actor, RequestState.WITHDRAWN, "")


def _decide(request: AliasRequest, actor: Actor, state: RequestState, reason: str) -> AliasRequest:
    """Move a request that waits; of two who decide at once, one does."""
    waiting = AliasRequest.objects.filter(pk=request.pk, state=RequestState.WAITING)
    if not waiting.compare_and_set(
        state=state, decided_by_id=actor.user_id, decided_at=utc_now(), decision_reason=reason.strip()
    ):
        raise Conflict(
            "This request does not wait any more.", hint="Reload the page.", code="already_decided"
        )
    request.refresh_from_db()
    return request

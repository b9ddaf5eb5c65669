"""Reads of what hangs on one person alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from deployhub.access import policy
from deployhub.access.models import AccessRequest, Membership, not_ended
from deployhub.access.vocab import RequestState, Role
from deployhub.accounts.models import ApiToken, Invitation, ServiceAccount, User, UserSession
from deployhub.accounts.vocab import AccountKind, InvitationState
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now


def projects_all() -> QuerySet[Any]:
    """Every project. Its class belongs to a floor above."""
    projects: Any = Membership._meta.get_field("project").related_model
    return projects._default_manager.all()


def owned_alone(user: User) -> QuerySet[Membership]:
    """The memberships by which somebody is the only active person who owns a living project without an end."""
    others = Membership.objects.filter(
        project=OuterRef("project"),
        role=Role.OWNER,
        expires_at=None,
        user__is_active=True,
        user__kind=AccountKind.PERSON,
    ).exclude(user=user)
    return (
        Membership.objects.filter(
            not_ended(), ~Exists(others), user=user, role=Role.OWNER, project__archived_at=None
        )
        .select_related("project")
        .order_by("project__name")
    )


@dataclass(frozen=True, slots=True)
class Departure:
    """What happens when an account is closed: what ends, what stays, and what is left without somebody."""

    alone: list[Membership]
    successors: dict[Any, list[str]]
    """By project id: account names of members who could take it over."""
    sessions: int
    tokens: int
    memberships: int
    services: list[ServiceAccount]
    requests: int
    invitations: int


def departure_of(actor: Actor, user: User) -> Departure:
    """What closing this account would mean, for who may do it."""
    may = policy.can(actor, "user.deactivate")
    alone = list(owned_alone(user)) if may else []
    members = Membership.objects.filter(
        not_ended(),
        project__in=[membership.project_id for membership in alone],
        user__is_active=True,
        user__kind=AccountKind.PERSON,
    ).exclude(user=user)
    successors: dict[Any, list[str]] = {}
    for project_id, username in members.order_by("user__username").values_list(
        "project_id", "user__username"
    ):
        successors.setdefault(project_id, []).append(username)
    now = utc_now()
    return Departure(
        alone=alone,
        successors=successors,
        sessions=UserSession.objects.filter(
            user=user, ended_at=None, proof_digest=user.session_proof_digest()
        ).count(),
        tokens=ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now).count(),
        memberships=Membership.objects.filter(not_ended(), user=user).count(),
        services=list(
            ServiceAccount.objects.filter(responsible=user, user__is_active=True).select_related("user")
        ),
        requests=AccessRequest.objects.filter(user=user, state=RequestState.WAITING).count(),
        invitations=Invitation.objects.filter(
            invited_by=user, state=InvitationState.PENDING, expires_at__gt=now
        ).count(),
    )

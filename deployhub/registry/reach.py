"""Who can reach a project, and what a person can reach: computed by the very policy that decides each request."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max, Q

from deployhub.access import policy
from deployhub.access.models import Membership, not_ended
from deployhub.access.vocab import PERMISSIONS, Reach
from deployhub.accounts.models import ApiToken, User
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import event_record
from deployhub.kernel.actor import Actor, ActorKind, Door
from deployhub.kernel.clock import utc_now
from deployhub.registry.models import Project

OF_PROJECT = tuple(code for code, known in PERMISSIONS.items() if known.reach is Reach.PROJECT)
SEES = tuple(code for code in OF_PROJECT if code.endswith((".view", ".history")))
DOWNLOADS = tuple(code for code in OF_PROJECT if code.endswith(".download"))
CHANGES = tuple(code for code in OF_PROJECT if code not in SEES and code not in DOWNLOADS)


@dataclass(frozen=True, slots=True)
class Way:
    """One reason why a person reaches a project: a role in it, its own or built-in, or a global role."""

    kind: str
    role: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenReach:
    label: str
    scopes: list[str]
    permissions: frozenset[str]
    expires_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reached:
    """One person and one project: by which ways, and what they may do there."""

    user: User
    project: Project
    ways: list[Way]
    permissions: frozenset[str]
    tokens: list[TokenReach] = field(default_factory=list)
    last_access: datetime | None = None

    @property
    def sees(self) -> bool:
        return not self.permissions.isdisjoint(SEES)

    @property
    def downloads(self) -> bool:
        return not self.permissions.isdisjoint(DOWNLOADS)

    @property
    def changes(self) -> bool:
        return not self.permissions.isdisjoint(CHANGES)

    @property
    def kind(self) -> str:
        return str(self.user.kind)


def project_reached_by(actor: Actor, project: Project) -> list[Reached]:
    """Everybody who can reach the project, by name. The look is written to the log."""
    policy.require(actor, "reach.view", project)
    event_record(actor, "reach.view", project)
    members = {
        row.user_id: row
        for row in Membership.objects.filter(not_ended(), project=project).select_related("custom_role")
    }
    people = User.objects.filter(
        Q(pk__in=list(members)) | Q(is_administrator=True) | Q(is_auditor=True), is_active=True
    ).order_by("username")
    tokens = _tokens_of([person.pk for person in people])
    found = []
    for person in people:
        own = [members[person.pk]] if person.pk in members else []
        reached = _reached(person, project, own, tokens.get(person.pk, []))
        if reached.permissions:
            found.append(reached)
    return found


def person_reaches(actor: Actor, person: User) -> list[Reached]:
    """Every living project that the person can reach, by name. The look is written to the log."""
    policy.require(actor, "user.view", person)
    event_record(actor, "user.view", person, facts={"reach": [None, True]})
    if not person.is_active:
        return []
    memberships = list(Membership.objects.filter(not_ended(), user=person).select_related("custom_role"))
    projects = Project.objects.filter(archived_at=None).order_by("name")
    if not person.is_administrator and not person.is_auditor:
        projects = projects.filter(pk__in=[row.project_id for row in memberships])
    tokens = _tokens_of([person.pk]).get(person.pk, [])
    last: dict[UUID | None, datetime] = dict(
        AuditEvent.objects.filter(actor_id=person.pk).order_by().values_list("project_id").annotate(Max("at"))
    )
    found = [
        replace(_reached(person, project, memberships, tokens), last_access=last.get(project.pk))
        for project in projects
    ]
    return [reached for reached in found if reached.permissions]


def _tokens_of(user_ids: list[UUID]) -> dict[UUID, list[ApiToken]]:
    by_user: dict[UUID, list[ApiToken]] = {}
    for token in ApiToken.objects.filter(user_id__in=user_ids, revoked_at=None, expires_at__gt=utc_now()):
        by_user.setdefault(token.user_id, []).append(token)
    return by_user


def _actor_as(person: User, grants: dict[UUID, policy.Grant]) -> Actor:
    """The person as the policy knows them, with the grants read already."""
    return Actor(
        kind=ActorKind.USER,
        name=person.audit_label(),
        door=Door.BROWSER,
        user_id=person.pk,
        is_administrator=person.is_administrator,
        is_auditor=person.is_auditor,
        cache={"roles": grants},
    )


def _allowed(actor: Actor, project: Project) -> frozenset[str]:
    return frozenset(code for code in OF_PROJECT if policy.can(actor, code, project))


def _reached(
    person: User, project: Project, memberships: list[Membership], tokens: list[ApiToken]
) -> Reached:
    living = [row for row in memberships if project.archived_at is None]
    actor = _actor_as(person, {row.project_id: policy.grant_of(row) for row in living})
    ways = [
        Way("custom" if row.custom_role_id else "direct", row.role_label, row.expires_at)
        for row in living
        if row.project_id == project.pk
    ]
    if person.is_administrator:
        ways.append(Way("global", "Administrator"))
    if person.is_auditor:
        ways.append(Way("global", "Auditor"))
    through = []
    for token in tokens:
        bound = replace(
            actor, token_permissions=token.carried_permissions, token_project_ids=token.bound_project_ids
        )
        allowed = _allowed(bound, project)
        if allowed:
            through.append(
                TokenReach(
                    token.label,
                    [*token.scopes, *token.permissions],
                    allowed,
                    token.expires_at,
                    token.last_used_at,
                )
            )
    return Reached(person, project, ways, _allowed(actor, project), through)


COLUMNS = (
    "account", "name", "kind", "project", "roles", "until", "sees", "downloads", "changes", "permissions", "tokens",
    "last_access",
)  # fmt: skip


def reach_csv(rows: Iterable[Reached]) -> str:
    """The table as CSV. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(value) for value in _values(row)])
    return out.getvalue()


def _values(row: Reached) -> list[Any]:
    return [
        row.user.username,
        row.user.display_name,
        row.kind,
        row.project.slug,
        "; ".join(f"{way.role} ({way.kind})" for way in row.ways),
        "; ".join(way.until.isoformat() if way.until else "no end" for way in row.ways),
        "yes" if row.sees else "no",
        "yes" if row.downloads else "no",
        "yes" if row.changes else "no",
        " ".join(sorted(row.permissions)),
        "; ".join(f"{token.label} ({', '.join(token.scopes)})" for token in row.tokens),
        row.last_access.isoformat() if row.last_access else "",
    ]


def _cell(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

"""Who acts, through which door."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    USER = "user"
    SERVICE = "service"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class Door(StrEnum):
    BROWSER = "browser"
    API = "api"
    WORKER = "worker"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Preview:
    """A person looks at one project as a role of it would. `by_…`: what they are themselves meanwhile."""

    project_id: UUID
    role: str
    by_administrator: bool = False
    by_auditor: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as it is written to the audit log.

    `token_permissions` is None for a person at the browser; for an API token it is the set of permissions
    that the token carries, and the actor may do what both its roles and its token allow.
    `auth_method` is how they proved who they are (`password`, `totp`, `passkey`, `oidc`, `token` …).
    `second_factor_at` is when they last showed in this session the strongest proof that they have: a second factor,
    or the password where they have set up none. None for never.
    `step_up_exempt` is a token for which an administrator waived the fresh second factor.
    `acting_as` names the role that a person previews; what they do meanwhile is logged with it, and `preview` says
    what the policy has to know of it.
    """

    kind: ActorKind
    name: str
    door: Door
    user_id: UUID | None = None
    is_administrator: bool = False
    is_auditor: bool = False
    token_id: UUID | None = None
    token_permissions: frozenset[str] | None = None
    token_project_ids: frozenset[UUID] | None = None
    session_id: str = ""
    auth_method: str = ""
    second_factor_at: datetime | None = None
    step_up_exempt: bool = False
    acting_as: str = ""
    preview: Preview | None = None
    address: str = ""
    user_agent: str = ""
    request_id: str = ""
    job_id: UUID | None = None
    cache: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_system(self) -> bool:
        return self.kind is ActorKind.SYSTEM

    @property
    def is_anonymous(self) -> bool:
        return self.kind is ActorKind.ANONYMOUS

    def unmasked(self) -> Actor:
        """The person themselves, where they view as a role: for what is demanded of them, not for what they may."""
        if self.preview is None:
            return self
        seen = self.preview
        return replace(
            self, preview=None, cache={}, is_administrator=seen.by_administrator, is_auditor=seen.by_auditor
        )

    def for_job(self, job_id: UUID) -> Actor:
        """The same person, acting through a worker on a job that they queued."""
        return replace(self, door=Door.WORKER, job_id=job_id, cache={})


def system_actor(name: str, *, door: Door = Door.WORKER, job_id: UUID | None = None) -> Actor:
    """DeployHub itself: the reconciler, a migration, a command. `name` says which part."""
    return Actor(kind=ActorKind.SYSTEM, name=name, door=door, job_id=job_id)


ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS, name="anonymous", door=Door.BROWSER)

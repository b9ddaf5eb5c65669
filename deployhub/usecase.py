"""The use case: one name that is permission, audit action and function.

    @usecase("project.update", on="project")
    def project_update(*, actor: Actor, project: Project, name: str) -> Project: ...

The wrapper asks the policy (a refusal is logged, outside any transaction), opens one durable transaction and an
audit scope, and raises AuditMissing when the body recorded nothing. There is no switch to leave any of it out.
Who views as a role changes nothing. A refusal within the body (separation of duties, a role above one's own) undoes the
transaction and is then written to the log.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from deployhub.access import policy
from deployhub.access.vocab import PERMISSIONS
from deployhub.audit.scope import AuditMissing, audit_scope, current_scope, event_record
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.errors import Forbidden

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class UseCase:
    name: str
    on: str | None
    function: Callable[..., Any]


USECASES: dict[str, list[UseCase]] = {}


def _refusal_record(actor: Any, name: str, obj: Any, error: Forbidden) -> None:
    event_record(
        actor,
        name,
        obj if hasattr(obj, "audit_type") else None,
        operation=Operation.EVENT,
        outcome=Outcome.DENIED,
        reason=error.detail,
    )


def usecase(name: str, *, on: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a use case. `on` names the argument that the permission is asked for."""
    if name not in PERMISSIONS:
        raise ValueError(f"{name} is not a permission; add it to access/vocab.py")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if args:
                raise TypeError(f"{function.__name__} takes keyword arguments only")
            actor: Any = kwargs["actor"]
            obj: Any = kwargs[on] if on else None
            if policy.can(actor, name, obj):
                policy.require_not_previewing(actor, name, obj)
            policy.require(actor, name, obj)
            nested = current_scope() is not None
            try:
                with (
                    transaction.atomic(durable=not nested),
                    audit_scope(actor, name, reason=str(kwargs.get("reason") or "")) as scope,
                ):
                    result = function(*args, **kwargs)
                    if not scope.changed:
                        raise AuditMissing(f"{name} ended without having recorded anything")
            except Forbidden as error:
                if not nested:  # what an inner one wrote has gone with the transaction
                    _refusal_record(actor, name, obj, error)
                raise
            return result

        USECASES.setdefault(name, []).append(UseCase(name, on, call))
        return call

    return decorate

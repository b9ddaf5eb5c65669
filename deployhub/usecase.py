"""The use case: one name that is permission, audit action and function.

    @usecase("project.update", on="project")
    def project_update(*, actor: Actor, project: Project, name: str) -> Project: ...

The wrapper asks the policy (a refusal is logged, outside any transaction), opens one durable transaction and an
audit scope, and raises AuditMissing when the body recorded nothing. There is no switch to leave any of it out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from deployhub.access import policy
from deployhub.access.vocab import PERMISSIONS
from deployhub.audit.scope import AuditMissing, audit_scope, current_scope

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class UseCase:
    name: str
    on: str | None
    function: Callable[..., Any]


USECASES: dict[str, list[UseCase]] = {}


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
            policy.require(actor, name, kwargs[on] if on else None)
            nested = current_scope() is not None
            with (
                transaction.atomic(durable=not nested),
                audit_scope(actor, name, reason=str(kwargs.get("reason") or "")) as scope,
            ):
                result = function(*args, **kwargs)
                if not scope.changed:
                    raise AuditMissing(f"{name} ended without having recorded anything")
            return result

        USECASES.setdefault(name, []).append(UseCase(name, on, call))
        return call

    return decorate

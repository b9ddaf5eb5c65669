"""Kinds of jobs. A handler registers itself, and is found by autodiscovery of each app's `handlers` module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployhub.jobs.context import JobContext


def _nothing() -> None:
    """A job with nothing to commit but its result."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a handler hands back.

    `commit` writes the domain rows. It runs in the transaction that moves the job to *succeeded*, under the
    job's fence: either both happen, or neither. It may return facts to be merged into the job's result.
    """

    result: dict[str, Any] = field(default_factory=dict)
    commit: Callable[[], dict[str, Any] | None] = _nothing


class Refused(Exception):
    """A handler raises it when the job ends with a cause that it has to write down.

    `commit` writes the domain rows in the transaction that moves the job to *failed*: either both, or neither.
    """

    def __init__(
        self, *, code: str, detail: str, hint: str = "", commit: Callable[[], object] = _nothing
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.commit = commit


Handler = Callable[["JobContext"], Finished]
HANDLERS: dict[str, Handler] = {}
STEPS: dict[str, tuple[str, ...]] = {}
"""What a kind's phases are usually called, in order (beginnings of names): a page shows those still to come."""


def handles(kind: str, *, steps: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """Register the handler of one kind of job. It must be idempotent: it may run more than once."""

    def register(handler: Handler) -> Handler:
        if kind in HANDLERS:
            raise ValueError(f"two handlers for {kind}")
        HANDLERS[kind] = handler
        STEPS[kind] = steps
        return handler

    return register

"""Separation of duties: who made a thing is not the one who lets it through.

Asked within every use case in which a second person decides; the use case's wrapper writes the refusal to the log. It
knows no exception: an owner and an administrator are persons like everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Forbidden


def is_other_than(actor: Actor, people: Iterable[UUID | None]) -> bool:
    """Whether the actor is somebody, and none of these. DeployHub itself is nobody's second pair of eyes."""
    return actor.user_id is not None and actor.user_id not in set(people)


def require_other_than(
    actor: Actor,
    people: Iterable[UUID | None],
    *,
    sentence: str,
    hint: str = "Ask somebody else who may do this.",
) -> None:
    """Raise Forbidden unless somebody else than `people` acts."""
    if not is_other_than(actor, people):
        raise Forbidden(sentence, hint=hint, code="other_person_needed")

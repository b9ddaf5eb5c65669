"""Conditions on events that more than a filter needs: groups of actions, and ids whatever they mean."""

from __future__ import annotations

from fnmatch import fnmatchcase
from uuid import UUID

from django.db.models import Q

from deployhub.audit.models import AuditEvent
from deployhub.audit.selectors.search import actions_seen
from deployhub.audit.vocab import Outcome
from deployhub.review.vocab import ACTION_GROUPS, ActionGroup


def action_group(action: str) -> ActionGroup:
    """The group of an action that was not refused."""
    return next(
        (group for pattern, group in ACTION_GROUPS if fnmatchcase(action, pattern)), ActionGroup.CHANGES
    )


def group_condition(group: str) -> Q:
    """Which events are in a group. It names the actions that occur, so that their index serves it."""
    if group == ActionGroup.REFUSALS:
        return Q(outcome=Outcome.DENIED)
    actions = [action for action in actions_seen() if action_group(action) == group]
    return Q(action__in=actions) & ~Q(outcome=Outcome.DENIED)


def id_condition(known: UUID) -> Q:
    """Events that name this id, as whatever it is. Only where it occurs is asked for: any other OR costs a full read."""
    meanings = {
        "object_id": str(known), "request_id": known.hex, "actor_id": known, "project_id": known, "token_id": known,
    }  # fmt: skip
    condition = Q()
    for column, value in meanings.items():
        if AuditEvent.objects.filter(**{column: value}).order_by().exists():
            condition |= Q(**{column: value})
    return condition or Q(pk=None)

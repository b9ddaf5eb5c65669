"""Reads of saved searches: the own ones and the shared ones."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from deployhub.access import policy
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import NotFound
from deployhub.review.models import SavedSearch


def searches_visible(actor: Actor) -> QuerySet[SavedSearch]:
    if not policy.can(actor, "audit.view"):
        return SavedSearch.objects.none()
    return SavedSearch.objects.filter(Q(owner_id=actor.user_id) | Q(shared=True)).select_related("owner")


def search_get(actor: Actor, search_id: UUID) -> SavedSearch:
    """Raises NotFound for what is not there, and for what somebody else keeps for themselves."""
    search = searches_visible(actor).filter(pk=search_id).first()
    if search is None:
        raise NotFound("There is no such saved search, or you have no access to it.")
    return search

"""Saved searches."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.review.models import SavedSearch
from deployhub.review.vocab import SEARCHES_MAX
from deployhub.usecase import usecase


@usecase("audit.search_save")
def search_save(*, actor: Actor, name: str, query: dict[str, str], shared: bool = False) -> SavedSearch:
    """Keep filters under a name; the same name again replaces the earlier search.

    Raises InvalidInput without name or filter, Conflict when there are too many.
    """
    name = " ".join(name.split())[:80]
    if not name:
        raise InvalidInput("The search needs a name.", errors={"name": ["Give it a name."]})
    if not query:
        raise InvalidInput(
            "The search has no filter.", errors={"query": ["Choose a filter or type words first."]}
        )
    own = SavedSearch.objects.filter(owner_id=actor.user_id)
    known = own.filter(name=name).first()
    if known is None:
        if own.count() >= SEARCHES_MAX:
            raise Conflict(f"You have {SEARCHES_MAX} saved searches.", hint="Delete one first.")
        return SavedSearch.objects.create(
            owner_id=cast(UUID, actor.user_id), name=name, query=query, shared=shared
        )
    known.query, known.shared = query, shared
    known.save()
    return known


@usecase("audit.search_delete", on="search")
def search_delete(*, actor: Actor, search: SavedSearch) -> None:
    """Delete a saved search of one's own."""
    search.delete()

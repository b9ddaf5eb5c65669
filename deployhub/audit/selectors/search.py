"""Finding events by words. Times bound it everywhere; on PostgreSQL an index of trigrams finds words in all of them."""

from __future__ import annotations

import functools
from datetime import datetime

from django.db import connection
from django.db.models import F, Func, Q, QuerySet, TextField

from deployhub.audit.models import AuditEvent

TEXT_INDEX = "audit_search_text"
SEARCHED_COLUMNS = ("actor_name", "action", "object_label", "object_type", "address", "reason")
SHORTEST_INDEXED_CHARACTERS = 3
"""A trigram needs three characters; what is shorter is looked for among the newest events."""
NEWEST_SEARCHED = 200_000
"""How many events, newest first, a search without the index looks at."""

NEWEST_READ = 10_000
"""How many events may be read one by one before an index is asked."""
PAGE_FILLED = 51
"""One more than the page that people look at has."""
EVERY = 2**62


class SearchText(Func):
    """What the words are looked for in: written exactly as the index has it, else it would not be used."""

    arg_joiner = " || ' ' || "
    template = "(%(expressions)s)"
    output_field = TextField()

    def __init__(self) -> None:
        super().__init__(*(F(name) for name in SEARCHED_COLUMNS))


@functools.cache
def _index_known(database: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [TEXT_INDEX])
        return cursor.fetchone()[0] is not None


def text_indexed(text: str) -> bool:
    """Whether all events can be searched for `text`, and not only the newest."""
    return (
        connection.vendor == "postgresql"
        and len(text) >= SHORTEST_INDEXED_CHARACTERS
        and _index_known(str(connection.settings_dict["NAME"]))
    )


def events_with_text(events: QuerySet[AuditEvent], text: str, *, whole: bool = False) -> QuerySet[AuditEvent]:
    """Those of `events` (already filtered otherwise) that hold `text` in a searched column, in upper or lower case.

    With `whole` all of them are looked at, even where no index helps.
    """
    if text_indexed(text):
        return events_indexed(events, Q(searched__icontains=text))
    oldest = None if whole else time_of_newest(NEWEST_SEARCHED)
    found = events.alias(searched=SearchText()).filter(searched__icontains=text)
    return found if oldest is None else found.filter(at__gte=oldest)


def events_indexed(events: QuerySet[AuditEvent], condition: Q) -> QuerySet[AuditEvent]:
    """Those of `events` (already filtered otherwise) that fit a condition which an index serves, but not in order.

    What the newest events are full of is found by reading those. What they are not full of is looked up in the index;
    left to itself, the database would take what was common long ago for common, and read the whole log.
    """
    found = events.alias(searched=SearchText()).filter(condition)
    recent = time_of_newest(NEWEST_READ)
    if recent is None or found.filter(at__gte=recent)[:PAGE_FILLED].count() == PAGE_FILLED:
        return found
    indexed = AuditEvent.objects.alias(searched=SearchText()).filter(condition)
    # The limit changes nothing but the plan: what is limited is worked out by itself, by the index.
    return events.filter(pk__in=indexed.order_by().values("pk")[:EVERY])


_ACTIONS = """
WITH RECURSIVE seen(action) AS (
    SELECT min(action) FROM audit_auditevent
    UNION ALL
    SELECT (SELECT min(e.action) FROM audit_auditevent e WHERE e.action > seen.action) FROM seen WHERE seen.action IS NOT NULL
)
SELECT action FROM seen WHERE action IS NOT NULL
"""
"""Every action that occurs, by jumping from one to the next in its index: a DISTINCT would read all of it."""


def actions_seen() -> list[str]:
    """Every action that occurs in the log, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [row[0] for row in cursor.fetchall()]


def time_of_newest(count: int) -> datetime | None:
    """The time that the newest `count` events reach back to; None when there are no more than those."""
    times = AuditEvent.objects.order_by("-at", "-id").values_list("at", flat=True)
    return next(iter(times[count : count + 1]), None)

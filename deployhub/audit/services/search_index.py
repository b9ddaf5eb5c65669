"""The index behind the free-text search, on PostgreSQL: trigrams, from the extension pg_trgm that ships with it.

It is made after each `migrate` where it can be made and is not there yet, so an installation whose database gets the
extension later gets the index with its next upgrade. Without it the search looks at the newest events only.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, connections, transaction

from deployhub.audit.selectors.search import SEARCHED_COLUMNS, TEXT_INDEX

log = logging.getLogger(__name__)

PENDING_LIST_KIB = 1_024
"""New events are first listed plainly, which keeps inserting cheap; every search reads that list, so it stays short."""


def search_index_ensure(*, using: str = "default") -> bool:
    """Make the text index where the database can; returns whether it is there."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return False
    text = " || ' ' || ".join(SEARCHED_COLUMNS)
    try:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", [TEXT_INDEX])
            if cursor.fetchone()[0] is not None:
                return True
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(
                f"CREATE INDEX {TEXT_INDEX} ON audit_auditevent USING gin (upper({text}) gin_trgm_ops)"
                f" WITH (gin_pending_list_limit = {PENDING_LIST_KIB})"
            )
    except DatabaseError as error:
        log.warning("The text index of the audit log was not made, pg_trgm cannot be had: %s", error)
        return False
    return True


def after_migrate(sender: Any, using: str = "default", **kwargs: Any) -> None:
    search_index_ensure(using=using)

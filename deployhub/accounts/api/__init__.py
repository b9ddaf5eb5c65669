"""API nouns of this floor."""

NOT_REMEMBERED: frozenset[str] = frozenset()
"""An answer that holds a secret is not kept for its Idempotency-Key: a dump of the database would hold it."""

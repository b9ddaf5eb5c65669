"""Django's sessions in the database, found by a digest of their key: a dump of it yields no usable session."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from deployhub.kernel.clock import utc_now

_DIGEST_CHARACTERS = 40
"""As wide as Django's column: 160 bits, as many as the key has."""


def session_key_digest(key: str) -> str:
    """What is stored of a session key. A fast hash is right: the key is random."""
    return hashlib.sha256(key.encode()).hexdigest()


def _row_key(key: Any) -> str:
    return session_key_digest(str(key))[:_DIGEST_CHARACTERS]


class SessionStore(DatabaseStore):
    """As Django's, but for the name under which a row is kept."""

    def _get_session_from_db(self) -> Any:
        row = self.model.objects.filter(
            session_key=_row_key(self.session_key), expire_date__gt=utc_now()
        ).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        return super().exists(_row_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = _row_key(self._get_or_create_session_key())  # type: ignore[attr-defined]
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(_row_key(key))

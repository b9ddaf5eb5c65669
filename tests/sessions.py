"""What a sign-in does for a session, for the sessions that tests force."""

from __future__ import annotations

from typing import Any


def row_give(client: Any, user: Any) -> Any:
    """Bind the client's forced session to a row, as `session_begin` does."""
    from deployhub.accounts.models import UserSession
    from deployhub.accounts.session_store import session_key_digest
    from deployhub.audit.scope import system_scope
    from deployhub.doors.vocab import SESSION_ROW

    session = client.session
    with system_scope("a session of a test"):
        row = UserSession.objects.create(
            user=user,
            key_digest=session_key_digest(session.session_key),
            proof_digest=user.session_proof_digest(),
            factor="password",
            address="127.0.0.1",
            last_seen_address="127.0.0.1",
        )
    session[SESSION_ROW] = str(row.pk)
    session.save()
    return row

"""Sessions: begun by a sign-in, looked at by each request, ended by their owner, an administrator or the clock."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, logout
from django.db import transaction
from django.http import HttpRequest

from deployhub.accounts.models import SecurityPolicy, SessionEnd, User, UserSession
from deployhub.accounts.session_store import session_key_digest
from deployhub.audit.scope import audit_scope, system_scope, touch
from deployhub.doors.middleware import client_address
from deployhub.doors.vocab import SESSION_FACTOR, SESSION_ROW
from deployhub.kernel.actor import Actor, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict
from deployhub.usecase import usecase

SEEN_STEP = timedelta(minutes=1)
"""The last use of a session is written at most once a minute: looking at a page must not be a write."""
ENDED_KEPT = timedelta(days=90)
"""So long the list can tell of ended sessions; what happened in them stays in the audit log."""


def session_row_create(request: HttpRequest, *, actor: Actor, user: User, factor: str) -> UserSession:
    """Write the row of a session that was just signed in, and bind the session to it."""
    with transaction.atomic(), audit_scope(actor, "session.begin"):
        row = UserSession.objects.create(
            user=user,
            key_digest=session_key_digest(request.session.session_key or ""),
            proof_digest=user.session_proof_digest(),
            factor=factor,
            address=client_address(request)[:64],
            user_agent=request.headers.get("User-Agent", "")[:256],
            last_seen_address=client_address(request)[:64],
        )
    request.session[SESSION_ROW] = str(row.pk)
    return row


def session_row_of(request: HttpRequest) -> UserSession | None:
    """The row of this session, if it is bound to one that has not ended and knows this very key."""
    key, row_id = request.session.session_key, request.session.get(SESSION_ROW)
    if not key or not row_id:
        return None
    return UserSession.objects.filter(
        pk=row_id,
        user_id=request.session.get(SESSION_KEY, UUID(int=0)),
        key_digest=session_key_digest(key),
        ended_at=None,
    ).first()


def session_overdue(row: UserSession, policy: SecurityPolicy) -> SessionEnd | None:
    """Whether the clock ended it: too long not used, or too old."""
    now = utc_now()
    if now - row.created_at > timedelta(hours=policy.session_absolute_hours):
        return SessionEnd.EXPIRED
    if now - row.last_seen_at > timedelta(minutes=policy.session_idle_minutes):
        return SessionEnd.IDLE
    return None


def session_expire(request: HttpRequest, *, actor: Actor, row: UserSession, why: SessionEnd) -> None:
    """End an overdue session and sign its browser out."""
    with transaction.atomic(), audit_scope(actor, "session.expire"):
        UserSession.objects.filter(pk=row.pk, ended_at=None).compare_and_set(
            ended_at=utc_now(), end_reason=why
        )
    logout(request)


def session_seen(request: HttpRequest, row: UserSession) -> None:
    """Note the use, once a minute at most, and at once when the address changed."""
    now, address = utc_now(), client_address(request)[:64]
    if now - row.last_seen_at > SEEN_STEP or address != row.last_seen_address:
        UserSession.objects.filter(pk=row.pk).unaudited_update(last_seen_at=now, last_seen_address=address)


def session_rebind(request: HttpRequest, row: UserSession) -> None:
    """Follow a session whose key or proof was renewed within this request: a new password, another factor."""
    key = request.session.session_key
    if request.session.get(SESSION_ROW) != str(row.pk) or not key or not request.session.get(SESSION_KEY):
        return
    current = {
        "key_digest": session_key_digest(key),
        "proof_digest": hashlib.sha256(request.session.get(HASH_SESSION_KEY, "").encode()).hexdigest(),
        "factor": request.session.get(SESSION_FACTOR, "")[:20],
    }
    if any(getattr(row, field) != value for field, value in current.items()):
        UserSession.objects.filter(pk=row.pk, ended_at=None).unaudited_update(**current)


def session_row_end(*, actor: Actor, session_id: str) -> None:
    """Signed out."""
    with transaction.atomic(), audit_scope(actor, "session.end"):
        UserSession.objects.filter(pk=session_id, ended_at=None).compare_and_set(
            ended_at=utc_now(), end_reason=SessionEnd.SIGNED_OUT
        )


def _end(row: UserSession, why: SessionEnd) -> None:
    open_row = UserSession.objects.filter(pk=row.pk, ended_at=None)
    if not open_row.compare_and_set(ended_at=utc_now(), end_reason=why):
        raise Conflict("This session has ended already.")
    row.refresh_from_db()


@usecase("session.revoke", on="session")
def session_revoke(*, actor: Actor, session: UserSession) -> UserSession:
    """End one of one's own sessions. Its next request is not signed in any more."""
    _end(session, SessionEnd.REVOKED)
    return session


@usecase("session.revoke", on="user")
def sessions_revoke_others(*, actor: Actor, user: User) -> int:
    """End all of one's own sessions but the one that asks. Returns how many."""
    others = UserSession.objects.filter(user=user, ended_at=None)
    if actor.session_id:
        others = others.exclude(pk=actor.session_id)
    count = others.update(ended_at=utc_now(), end_reason=SessionEnd.REVOKED)
    touch(user, sessions_ended=count)
    return count


@usecase("user.session_revoke", on="user")
def user_session_revoke(*, actor: Actor, user: User, session: UserSession) -> UserSession:
    """End one session of somebody."""
    _end(session, SessionEnd.ADMINISTRATOR)
    return session


@usecase("user.session_revoke", on="user")
def user_sessions_revoke(*, actor: Actor, user: User) -> int:
    """End every session of somebody. Returns how many."""
    sessions = UserSession.objects.filter(user=user, ended_at=None)
    count = sessions.update(ended_at=utc_now(), end_reason=SessionEnd.ADMINISTRATOR)
    touch(user, sessions_ended=count)
    return count


def sessions_sweep() -> dict[str, int]:
    """Close what the clock ended while nobody came back, and forget what ended long ago."""
    policy, now = SecurityPolicy.current(), utc_now()
    idle = now - timedelta(minutes=policy.session_idle_minutes)
    oldest = now - timedelta(hours=policy.session_absolute_hours)
    still_open = UserSession.objects.filter(ended_at=None)
    counts = {"sessions_ended": 0, "sessions_forgotten": 0}
    overdue = (
        (still_open.filter(created_at__lt=oldest), SessionEnd.EXPIRED),
        (still_open.filter(last_seen_at__lt=idle), SessionEnd.IDLE),
    )
    for rows, why in overdue:
        if rows.exists():
            with system_scope("sessions past their time", action="session.expire", door=Door.WORKER):
                counts["sessions_ended"] += rows.update(ended_at=now, end_reason=why)
    gone = UserSession.objects.filter(ended_at__lt=now - ENDED_KEPT)
    if gone.exists():
        with system_scope("sessions that ended long ago", action="session.forget", door=Door.WORKER):
            counts["sessions_forgotten"] = gone.delete()[0]
    return counts

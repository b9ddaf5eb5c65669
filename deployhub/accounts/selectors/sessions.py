"""Reads of sessions, and of what failed at sign-in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from deployhub.access import policy
from deployhub.accounts.models import SecurityPolicy, User, UserSession
from deployhub.accounts.selectors import account_get
from deployhub.audit.models import AuditEvent
from deployhub.audit.vocab import Outcome
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now


def sessions_own(actor: Actor) -> QuerySet[UserSession]:
    """The actor's own sessions, ended ones too; nobody's through a token."""
    if not policy.can(actor, "session.view"):
        return UserSession.objects.none()
    return _sessions_of(account_get(actor))


def session_get(actor: Actor, session_id: UUID) -> UserSession:
    return policy.one(sessions_own(actor), pk=session_id)


def user_sessions(actor: Actor, user: User) -> QuerySet[Any]:
    """The sessions of somebody, for who may see accounts."""
    return _sessions_of(user) if policy.can(actor, "user.view") else UserSession.objects.none()


def user_sessions_open(actor: Actor, user: User) -> QuerySet[UserSession]:
    """Where somebody is signed in now, for who may see accounts."""
    return user_sessions(actor, user).filter(is_open=True)


def user_session_get(actor: Actor, user: User, session_id: UUID) -> UserSession:
    return policy.one(user_sessions(actor, user), pk=session_id)


def _sessions_of(user: User) -> QuerySet[Any]:
    """With `is_open`: not ended, and begun (or renewed) under the present password and stamp."""
    now = utc_now()
    limits = SecurityPolicy.current()
    is_open = Q(
        ended_at=None,
        proof_digest=user.session_proof_digest(),
        created_at__gte=now - timedelta(hours=limits.session_absolute_hours),
        last_seen_at__gte=now - timedelta(minutes=limits.session_idle_minutes),
    )
    return (
        UserSession.objects.filter(user=user)
        .select_related("user")
        .annotate(is_open=ExpressionWrapper(is_open, output_field=BooleanField()))
    )


def failures_since(user: User, since: datetime | None) -> str:
    """What failed at somebody's sign-in since they were last here, as a sentence; empty when nothing did."""
    failed = AuditEvent.objects.filter(
        action="account.sign_in",
        outcome=Outcome.FAILED,
        object_type=user.audit_type(),
        object_id=str(user.pk),
    )
    if since is not None:
        failed = failed.filter(at__gt=since)
    count = failed.count()
    if not count:
        return ""
    latest = failed.order_by("-id").values_list("address", flat=True)[:200]
    addresses = list(dict.fromkeys(address for address in latest if address))
    named = ", ".join(addresses[:3]) + (f" and {len(addresses) - 3} more" if len(addresses) > 3 else "")
    sentence = f"{count} failed attempt{'' if count == 1 else 's'} since your last sign-in"
    sentence += f", from {named}." if named else "."
    if failed.filter(reason__startswith="wrong second factor").exists():
        sentence += " Some had the right password: if that was not you, change it now."
    return sentence

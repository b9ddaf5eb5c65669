"""Writes that cross the floors: the demo project, and the periodic sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session

from deployhub.audit.scope import touch
from deployhub.doors.models import IdempotencyRecord
from deployhub.jobs.models import BeatMark
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.portal.vocab import DEMO_PROJECT_SLUG
from deployhub.registry.models import Project
from deployhub.usecase import usecase

IDEMPOTENCY_KEPT = timedelta(days=1)


def demo_exists() -> bool:
    return Project.objects.filter(slug=DEMO_PROJECT_SLUG).exists()


@usecase("account.update", on="user")
def demo_offer_answer(*, actor: Actor, user: Any) -> None:
    """Remember that this person was offered the demo project."""
    if user.demo_answered:
        touch(user)
        return
    user.demo_answered = True
    user.save(update_fields=["demo_answered"])


def demo_load(*, actor: Actor) -> Project:
    raise NotImplementedError


def sweep() -> dict[str, int]:
    """Remove what has served its time: sessions, remembered answers, abandoned uploads."""
    sessions, _ = Session.objects.filter(expire_date__lt=utc_now()).delete()
    answers, _ = IdempotencyRecord.objects.filter(created_at__lt=utc_now() - IDEMPOTENCY_KEPT).delete()
    counts = {"sessions": sessions, "answers": answers}
    BeatMark.objects.update_or_create(name="sweep", defaults={"at": utc_now(), "facts": counts})
    return counts

"""That somebody looked, and the weekly digest."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction

from deployhub.accounts.models import User
from deployhub.audit.scope import system_scope
from deployhub.jobs.services import duty_mark
from deployhub.kernel.actor import Actor, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Forbidden
from deployhub.review.models import Digest, Finding, Review
from deployhub.review.rules import RULES
from deployhub.review.selectors.events import event_first_at
from deployhub.review.selectors.findings import reviewed_last
from deployhub.review.services.watching import events_judge
from deployhub.review.watch.vocab import DIGEST_TRIES_MAX, DIGEST_TRY_AGAIN, FindingState
from deployhub.usecase import usecase

log = logging.getLogger(__name__)
WEEK = timedelta(days=7)
TOP_ROWS = 5


@usecase("review.record")
def review_record(*, actor: Actor, note: str = "") -> Review:
    """Say that one has looked through the findings. Signing one off counts as well."""
    if actor.user_id is None:
        raise Forbidden("A review is done by a person.")
    return Review.objects.create(
        reviewer_id=actor.user_id,
        reviewer_name=actor.name[:200],
        open_findings=Finding.objects.filter(state=FindingState.OPEN).count(),
        note=note.strip()[:500],
    )


def watch() -> dict[str, int]:
    """The duty: judge what is new, make the digest of a week that is over, send what was not sent."""
    counts = events_judge()
    made = digest_make(week_start=_monday(utc_now().date()) - WEEK)
    counts["digests"] = int(made is not None)
    digests_send()
    duty_mark(name="watch", facts=counts)
    return counts


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def digest_make(*, week_start: date) -> Digest | None:
    """The digest of one week, once. None when it is there already, or the week was before the first event."""
    if Digest.objects.filter(week_start=week_start).exists():
        return None
    first = event_first_at()
    if first is None or first.date() >= week_start + WEEK:
        return None
    try:
        with transaction.atomic(), system_scope("the week is over", action="digest.make", door=Door.WORKER):
            return Digest.objects.create(week_start=week_start, content=digest_content(week_start))
    except IntegrityError:  # pragma: no cover - another worker was first
        return None


def digest_content(week_start: date) -> dict[str, Any]:
    """What the digest tells, in plain JSON."""
    begin = datetime.combine(week_start, time(), UTC)
    end = begin + WEEK
    opened = list(Finding.objects.filter(created_at__gte=begin, created_at__lt=end))
    closed = Finding.objects.filter(closed_at__gte=begin, closed_at__lt=end)
    still = Finding.objects.filter(state=FindingState.OPEN, created_at__lt=end)
    people = Counter(finding.person_name for finding in opened if finding.person_name)
    rules = Counter(finding.rule for finding in opened)
    last = reviewed_last(before=end)
    return {
        "opened": len(opened),
        "opened_by_severity": dict(Counter(finding.severity for finding in opened)),
        "confirmed": closed.filter(state=FindingState.CONFIRMED).count(),
        "benign": closed.filter(state=FindingState.BENIGN).count(),
        "muted": sum(finding.state == FindingState.MUTED for finding in opened),
        "still_open": still.count(),
        "oldest_open": [
            {"id": str(finding.pk), "told": finding.told, "severity": finding.severity}
            for finding in still.order_by("pk")[:TOP_ROWS]
        ],
        "people": [[name, count] for name, count in people.most_common(TOP_ROWS)],
        "rules": [
            [RULES[key].label if key in RULES else key, count] for key, count in rules.most_common(TOP_ROWS)
        ],
        "reviews": Review.objects.filter(created_at__gte=begin, created_at__lt=end).count(),
        "reviewed_last": last.isoformat() if last else None,
    }


def digest_text(digest: Digest) -> str:
    """The digest as a mail."""
    told = digest.content
    lines = [
        f"Review of the audit log, week of {digest.week_start:%d %B %Y}",
        "",
        f"Findings opened: {told['opened']}",
        f"Signed off: {told['benign']} benign, {told['confirmed']} confirmed",
        f"Still open: {told['still_open']}",
        f"Reviews recorded: {told['reviews']}",
    ]
    if told["oldest_open"]:
        lines += ["", "Open longest:", *(f"- {one['told']}" for one in told["oldest_open"])]
    if told["people"]:
        lines += ["", "People with most findings:", *(f"- {name}: {count}" for name, count in told["people"])]
    lines += ["", f"{settings.DEPLOYHUB_ORIGIN}/digests/{digest.pk}/", ""]
    return "\n".join(lines)


def digests_send() -> int:
    """Mail digests that were not sent yet to the auditors who have an address. Without a mail server: nothing."""
    if not settings.EMAIL_HOST:
        return 0
    sent = 0
    waiting = Digest.objects.filter(sent_at=None, tries__lt=DIGEST_TRIES_MAX).order_by("week_start")
    for digest in waiting:
        if digest.tried_at is not None and utc_now() - digest.tried_at < DIGEST_TRY_AGAIN:
            continue
        sent += _digest_send(digest)
    return sent


def _digest_send(digest: Digest) -> int:
    auditors = User.objects.filter(is_auditor=True, is_active=True).exclude(email="")
    addresses = sorted(auditors.values_list("email", flat=True))
    problem, sent_at = "", None
    try:
        subject = f"{settings.DEPLOYHUB_INSTANCE_NAME}: review, week of {digest.week_start:%d %B %Y}"
        for address in addresses:  # one by one: nobody learns the addresses of the others
            send_mail(subject, digest_text(digest), None, [address])
        sent_at = utc_now()
    except (OSError, SMTPException) as error:
        problem = f"{type(error).__name__}: {error}"[:300]
        log.warning("the digest of %s could not be sent: %s", digest.week_start, problem)
    with system_scope("the weekly digest was sent, or was tried", action="digest.send", door=Door.WORKER):
        digest.tries += 1
        digest.tried_at, digest.sent_at = utc_now(), sent_at
        digest.recipients, digest.problem = len(addresses) if sent_at else 0, problem
        digest.save()
    return int(sent_at is not None)

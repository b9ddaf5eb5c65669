"""Words of the review: how grave a finding is, and how far it was looked into."""

from __future__ import annotations

from datetime import timedelta

from django.db import models


class Severity(models.TextChoices):
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"


class FindingState(models.TextChoices):
    OPEN = "open", "Open"
    BENIGN = "benign", "Benign"
    CONFIRMED = "confirmed", "Confirmed"
    MUTED = "muted", "Found while muted"


class Verdict(models.TextChoices):
    """What a finding is signed off as."""

    BENIGN = "benign", "Benign"
    CONFIRMED = "confirmed", "Confirmed"


CLOSING_STATES = (FindingState.BENIGN, FindingState.CONFIRMED)

REVIEW_EVERY = timedelta(days=7)
"""Longer without a review, and the pages of those who may review say so."""
MUTE_DAYS_MAX = 90
FINDING_EVENTS_MAX = 200
"""Events that a finding links by itself; how many there were is told beside it."""

BASELINE_DAYS = 30
ORIGIN_DAYS = 180
"""So long a network or a device of a person stays known without being seen."""

LATE_COMMIT = timedelta(hours=1)
"""No transaction stays open longer between writing its event and committing it."""
EVALUATE_BATCH = 1_000
EVALUATE_BATCHES_MAX = 40
"""What one run of the duty judges at most: 40,000 events; the next run goes on."""

DIGEST_TRIES_MAX = 5
DIGEST_TRY_AGAIN = timedelta(hours=1)

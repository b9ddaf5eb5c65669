"""What the API remembers of a request, so that a repeated one is answered and not done again."""

from __future__ import annotations

from django.db import models

from deployhub.kernel.clock import utc_now


class IdempotencyRecord(models.Model):
    """The answer to a creation that carried an Idempotency-Key. Technical, not audited; removed after a day."""

    id = models.BigAutoField(primary_key=True)
    user_id = models.UUIDField()
    key = models.CharField(max_length=128)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    location = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=utc_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return self.key

"""Jobs and an engine that does what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployhub.jobs import kinds, runner


@pytest.fixture
def work(monkeypatch: Any) -> dict[str, Callable[..., Any]]:
    """Handlers of this test alone: `work["count"] = handler`."""
    monkeypatch.setattr(kinds, "HANDLERS", {})
    monkeypatch.setattr(runner, "HANDLERS", kinds.HANDLERS)
    return kinds.HANDLERS


@pytest.fixture
def messages(monkeypatch: Any) -> list[tuple[str, str]]:
    """Wake-ups that were sent, as (job id, queue); the broker takes them all."""
    from deployhub.jobs import services

    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(
        services.current_app,
        "send_task",
        lambda name, args, queue, **kwargs: sent.append((args[0], queue)),
        raising=False,
    )
    return sent


@pytest.fixture
def enqueue(project: Any, engineer: Any, acting: Any) -> Callable[..., Any]:
    """Queue a job as the engineer: `enqueue("count")`."""
    from django.db import transaction

    from deployhub.audit.scope import audit_scope
    from deployhub.jobs.services import job_enqueue

    def make(kind: str = "count", **fields: Any) -> Any:
        actor = acting(fields.pop("by", engineer))
        with transaction.atomic(), audit_scope(actor, "export.create"):
            return job_enqueue(
                actor=actor,
                kind=kind,
                title=fields.pop("title", "Count to three"),
                project=fields.pop("project", project),
                spec=fields.pop("spec", {}),
                **fields,
            )

    return make


@pytest.fixture
def time_passes() -> Callable[..., None]:
    """Let a lease, or the time since a job was announced, run out: `time_passes(job, lease_expires_at=60)`."""
    from datetime import timedelta

    from deployhub.jobs.models import Job
    from deployhub.kernel.clock import utc_now

    def move(job: Any, **ago_s: float) -> None:
        Job.objects.filter(pk=job.pk).unaudited_update(
            **{name: utc_now() - timedelta(seconds=seconds) for name, seconds in ago_s.items()}
        )

    return move


@pytest.fixture(autouse=True)
def _worker_stays() -> Iterator[None]:
    yield
    runner.leaving.clear()

"""What Prometheus is told: requests (django-prometheus), and the jobs, queues and workers of the database."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deployhub.audit.selectors import proofs
from deployhub.certificates.reading import CertificateUnusable
from deployhub.jobs.models import Job
from deployhub.jobs.selectors import workers_alive
from deployhub.jobs.vocab import JobState
from deployhub.portal.transport import certificate_shown

__all__ = ["REGISTRY"]


class JobCollector(Collector):
    """Read at each scrape, so every web process tells the same."""

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("deployhub_jobs", "Jobs by kind and state", labels=["kind", "state"])
        for row in Job.objects.values("kind", "state").annotate(n=Count("id")).order_by():
            jobs.add_metric([row["kind"], row["state"]], row["n"])
        yield jobs
        waiting = GaugeMetricFamily("deployhub_queue_waiting", "Jobs that wait, by queue", labels=["queue"])
        for row in (  # type: ignore[assignment]
            Job.objects.filter(state=JobState.QUEUED).values("queue").annotate(n=Count("id")).order_by()
        ):
            waiting.add_metric([row["queue"]], row["n"])  # type: ignore[misc]
        yield waiting
        workers = GaugeMetricFamily("deployhub_workers", "Living workers, by sandbox tier", labels=["tier"])
        tiers: dict[str, int] = {}
        for worker in workers_alive():
            tier = str(worker.sandbox.get("tier", "unknown"))
            tiers[tier] = tiers.get(tier, 0) + 1
        for tier, number in tiers.items():
            workers.add_metric([tier], number)
        yield workers
        yield from _certificate_end()


def _certificate_end() -> Iterator[Metric]:
    """Seconds since the epoch, as blackbox exporters tell it; absent where a proxy ends TLS."""
    try:
        facts = certificate_shown()
    except CertificateUnusable:
        facts = None
    if facts is not None:
        gauge = GaugeMetricFamily(
            "deployhub_tls_certificate_end_timestamp_seconds", "When the web server's certificate ends"
        )
        gauge.add_metric([], facts.ends_at.timestamp())
        yield gauge


class SealCollector(Collector):
    """How far the audit log is sealed, and whether its checkpoints leave the host."""

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        latest = proofs.checkpoint_latest()
        yield GaugeMetricFamily(
            "deployhub_audit_sealed_events", "Size of the last checkpoint", value=latest.size if latest else 0
        )
        count, age = proofs.unsealed()
        yield GaugeMetricFamily(
            "deployhub_audit_unsealed_events", "Committed events without a leaf", value=count
        )
        yield GaugeMetricFamily(
            "deployhub_audit_unsealed_age_seconds",
            "Age of the oldest unsealed event",
            value=age.total_seconds(),
        )
        failures = GaugeMetricFamily(
            "deployhub_audit_witness_failures", "Failed deliveries in a row, by witness", labels=["witness"]
        )
        for witness in proofs.witnesses():
            failures.add_metric([witness.name], witness.failures)
        yield failures


def collector_register() -> None:
    """Once for each process; called when the app is ready."""
    if not any(isinstance(c, JobCollector) for c in REGISTRY._collector_to_names):
        REGISTRY.register(JobCollector())
        REGISTRY.register(SealCollector())

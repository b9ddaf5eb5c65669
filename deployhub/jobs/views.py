"""Pages of jobs: the list, one job live, its log, cancel and retry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deployhub.audit.scope import event_record
from deployhub.audit.selectors import object_history
from deployhub.doors.pages import ListPage, Page
from deployhub.jobs import selectors, services
from deployhub.jobs.filters import JobFilter
from deployhub.jobs.models import Job
from deployhub.jobs.vocab import KIND_LABELS, LOG_LINES_KEPT, JobState
from deployhub.kernel.errors import DeployHubError


class JobList(ListPage):
    permission = "job.view"
    template_name = "jobs/jobs.html"
    rows_template = "jobs/_rows.html"
    filterset_class = JobFilter
    sorts = ("created_at", "title", "state")

    def queryset(self) -> QuerySet:
        return selectors.jobs_visible(self.actor)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.headers.get("HX-Request"):
            event_record(self.actor, "job.view")
        return super().get(request, *args, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        listing = extra.get("listing")
        return {
            **extra,
            "states": JobState.choices,
            "kinds": list(KIND_LABELS.items()),
            "is_live": bool(listing and any(job.is_live for job in listing.rows)),
        }


class JobPage(Page):
    """One job. The fragment alone is asked for again and again while the job lives."""

    permission = "job.view"
    template_name = "jobs/job.html"

    def get(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        job = selectors.job_read(self.actor, job_id)
        lines = selectors.job_log(job, limit=LOG_LINES_KEPT)
        return self.page(**job_progress(job), lines=lines, after=lines[-1].pk if lines else 0,
                         history=object_history(job)[:30])  # fmt: skip


class JobLive(Page):
    permission = "job.view"
    template_name = "jobs/_live.html"

    def get(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        return self.page(**job_progress(selectors.job_get(self.actor, job_id)))


class JobLogLive(Page):
    """The lines after a cursor, and the place where the next ones will come."""

    permission = "job.view"
    template_name = "jobs/_log_lines.html"

    def get(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        after = selectors.log_cursor(request.GET.get("after") or "0")
        job = selectors.job_get(self.actor, job_id)
        lines = selectors.job_log(job, after=after)
        return self.page(job=job, lines=lines, after=lines[-1].pk if lines else after)


class JobLogText(Page):
    """The log as a text file."""

    permission = "job.view"

    def get(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        job = selectors.job_read(self.actor, job_id)
        text = "".join(
            f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {line.level:<7} {line.text}\n"
            for line in selectors.job_log(job, limit=LOG_LINES_KEPT)
        )
        return HttpResponse(
            text,
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="job-{job.pk}.log"'},
        )


def job_progress(job: Job) -> dict[str, Any]:
    """What the live part of a job's page shows."""
    return {
        "job": job,
        "steps": selectors.job_steps(job),
        "jobs_before": selectors.jobs_before(job) if job.state == JobState.QUEUED else 0,
        "has_workers": job.is_ended or selectors.workers_alive().exists(),
    }


class JobMove(Page):
    """A button that moves a job, then shows it."""

    def move(self, job: Job) -> str:
        raise NotImplementedError

    def post(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        job = selectors.job_get(self.actor, job_id)
        try:
            messages.success(request, self.move(job))
        except DeployHubError as error:
            if error.status != 409:
                raise
            messages.warning(request, error.detail)
        return HttpResponseRedirect(reverse("jobs:job", args=[job.pk]))


class JobCancel(JobMove):
    permission = "job.cancel"

    def move(self, job: Job) -> str:
        services.job_cancel(actor=self.actor, job=job)
        return "The job is being cancelled." if job.state == JobState.RUNNING else "The job was cancelled."


class JobRetry(JobMove):
    permission = "job.retry"

    def move(self, job: Job) -> str:
        services.job_retry(actor=self.actor, job=job)
        return "The job waits to run again."

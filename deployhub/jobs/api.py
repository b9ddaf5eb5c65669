"""API noun: jobs."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.jobs import selectors, services
from deployhub.jobs.filters import JobFilter
from deployhub.jobs.models import Job
from deployhub.jobs.serializers import JobDetailSerializer, JobLogSerializer, JobSerializer


@extend_schema_view(
    list=extend_schema(tags=["jobs"], summary="List jobs", responses=JobSerializer(many=True)),
    retrieve=extend_schema(
        tags=["jobs"], summary="See a job and its progress", responses=JobDetailSerializer
    ),
    log=extend_schema(
        tags=["jobs"],
        summary="Read a job's log",
        responses=JobLogSerializer,
        parameters=[OpenApiParameter("after", int, description="Only lines after this one.", default=0)],
    ),
    cancel=extend_schema(tags=["jobs"], summary="Cancel a job", request=None, responses=JobDetailSerializer),
    retry=extend_schema(
        tags=["jobs"],
        summary="Run a failed or cancelled job again",
        request=None,
        responses={202: JobDetailSerializer},
    ),
)
class JobViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "job.view",
        "retrieve": "job.view",
        "log": "job.view",
        "cancel": "job.cancel",
        "retry": "job.retry",
    }
    queryset = Job.objects.none()
    serializer_class = JobSerializer
    filterset_class = JobFilter
    sorts = ("created_at", "title", "state")

    def list(self, request: Request) -> Response:
        """Jobs of all projects that the caller may see, newest first."""
        return self.listed(selectors.jobs_visible(self.actor))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Ask again every second or so until `state` is succeeded, failed or cancelled."""
        return Response(JobDetailSerializer(selectors.job_get(self.actor, pk)).data)

    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def log(self, request: Request, pk: UUID) -> Response:
        """Lines with a cursor: give the answer's `after` with the next request, until `ended`."""
        after = selectors.log_cursor(request.query_params.get("after") or "0")
        job = selectors.job_get(self.actor, pk)
        lines = selectors.job_log(job, after=after)
        body: dict[str, Any] = {
            "lines": lines,
            "after": lines[-1].pk if lines else after,
            "ended": job.is_ended and len(lines) < 500,
        }
        return Response(JobLogSerializer(body).data)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """A waiting job ends at once, a running one within two seconds. 409 when it has ended already."""
        job = services.job_cancel(actor=self.actor, job=selectors.job_get(self.actor, pk))
        return Response(JobDetailSerializer(job).data)

    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> Response:
        """The job waits again, with three fresh attempts. 409 unless it failed or was cancelled."""
        job = services.job_retry(actor=self.actor, job=selectors.job_get(self.actor, pk))
        return Response(
            JobDetailSerializer(job).data,
            status=202,
            headers={"Location": reverse("job-detail", args=[job.pk])},
        )

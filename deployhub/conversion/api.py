"""API nouns: exports and formats."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.audit.scope import event_record
from deployhub.conversion import selectors
from deployhub.conversion.filters import ExportFilter
from deployhub.conversion.models import Export
from deployhub.conversion.serializers import (
    CatalogueSerializer,
    ExportAnswerSerializer,
    ExportCreate,
    ExportSerializer,
    FormatSerializer,
    ReplayCreate,
)
from deployhub.conversion.services import artifact_replay, export_create
from deployhub.doors.api import ApiViewSet
from deployhub.jobs.selectors import catalogue_current
from deployhub.jobs.serializers import JobDetailSerializer
from deployhub.kernel.errors import NotFound
from deployhub.registry.selectors import artifact_get


@extend_schema(tags=["exports"])
class ExportViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "export.view",
        "create": "export.create",
        "retrieve": "export.view",
    }
    queryset = Export.objects.none()
    serializer_class = ExportSerializer
    filterset_class = ExportFilter
    sorts = ("id", "created_at")

    @extend_schema(summary="Exports", responses=ExportSerializer(many=True))
    def list(self, request: Request) -> Response:
        event_record(self.actor, "export.view")
        return self.listed(selectors.exports_visible(self.actor))

    @extend_schema(
        summary="Export a version",
        description="202 with the address of the job in Location; the job's result names the artifact. 200 at once when "
        "this exact export exists already: then `artifact` is its id.",
        request=ExportCreate,
        responses={
            202: OpenApiResponse(ExportAnswerSerializer, description="A job makes it."),
            200: OpenApiResponse(ExportAnswerSerializer, description="It exists already."),
        },
    )
    def create(self, request: Request) -> Response:
        body = self.body(ExportCreate)
        version = selectors.version_to_export(self.actor, body["version"])
        asked = export_create(
            actor=self.actor,
            version=version,
            format_key=body["format"],
            options=body["options"],
            calibration=selectors.calibration_get(self.actor, version, body["calibration"]),
        )
        told = ExportAnswerSerializer(asked.export, context={"joined": asked.is_joined}).data
        if asked.is_known:
            address = reverse("artifact-detail", args=[asked.export.artifact_id])
            return Response(told, status=200, headers={"Location": address})
        return Response(
            told, status=202, headers={"Location": reverse("job-detail", args=[asked.export.job_id])}
        )

    @extend_schema(summary="An export", responses=ExportSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(ExportSerializer(selectors.export_read(self.actor, pk)).data)


@extend_schema(tags=["formats"])
class FormatViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"list": "format.view", "retrieve": "format.view"}
    serializer_class = CatalogueSerializer
    pagination_class = None  # type: ignore[assignment]
    lookup_field = "key"
    lookup_value_converter = "slug"

    @extend_schema(
        operation_id="formats_list",
        summary="The format catalogue",
        responses=forced_singular_serializer(CatalogueSerializer),
    )
    def list(self, request: Request) -> Response:
        """What the workers can make, with every option; the same catalogue from which the page makes its form."""
        return Response(CatalogueSerializer(catalogue_current() or {"engine": {}, "formats": []}).data)

    @extend_schema(summary="A format", responses=FormatSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        entry = selectors.format_entry(catalogue_current(), key)
        if entry is None:
            raise NotFound("There is no format of this key.", hint="/api/v1/formats/ lists them.")
        return Response(FormatSerializer(entry).data)


@extend_schema(tags=["exports"])
class ReplayViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"create": "artifact.replay"}
    serializer_class = ReplayCreate
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        summary="Make an artifact again",
        description="A job makes it with the inputs, options and packages of its first export. Its result names the "
        "`outcome`: equal_bytes, equal_graph, equal_outputs or different, and in `detail` what differs.",
        request=ReplayCreate,
        responses={202: JobDetailSerializer},
    )
    def create(self, request: Request) -> Response:
        artifact = artifact_get(self.actor, self.body(ReplayCreate)["artifact"])
        job = artifact_replay(actor=self.actor, artifact=artifact)
        return Response(
            JobDetailSerializer(job).data,
            status=202,
            headers={"Location": reverse("job-detail", args=[job.pk])},
        )

"""Versions in the API."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.registry import selectors
from deployhub.registry.downloads import Download, download_respond
from deployhub.registry.filters import VersionFilter
from deployhub.registry.models import ModelVersion
from deployhub.registry.serializers import (
    VERSION_COLUMNS,
    InspectionQueued,
    VersionCreate,
    VersionQueued,
    VersionSerializer,
    VersionSummarySerializer,
    VersionUpdate,
    version_summary,
)
from deployhub.registry.services import uploads as upload_services
from deployhub.registry.services import versions as services

FILE_RESPONSES: dict[tuple[int, str], Any] = {
    (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY, description="The file."),
    (206, "application/octet-stream"): OpenApiResponse(
        OpenApiTypes.BINARY, description="The range asked for."
    ),
}


def job_address(job: Any) -> str:
    return f"/api/v1/jobs/{job.pk}/"


@extend_schema(tags=["versions"])
class VersionViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "version.view",
        "create": "version.create",
        "retrieve": "version.view",
        "partial_update": "version.describe",
        "inspect": "version.inspect",
        "download": "version.download",
    }
    serializer_class = VersionSerializer
    filterset_class = VersionFilter
    queryset = ModelVersion.objects.none()
    sorts = ("id",)

    def _represent(self, version: ModelVersion, job: Any) -> dict[str, Any]:
        return VersionSerializer(version, context={"job": job}).data

    @extend_schema(summary="Versions", responses=VersionSummarySerializer(many=True))
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "version.view")
        # Plain rows instead of a hundred model instances with four joined ones each: several times faster.
        rows = self.paginate_queryset(
            self.filtered(selectors.versions_visible(self.actor)).values(*VERSION_COLUMNS)
        )
        aliases = selectors.alias_names([row["id"] for row in rows or ()])
        return self.get_paginated_response(
            [version_summary(row, aliases.get(row["id"], [])) for row in rows or ()]
        )

    @extend_schema(
        summary="Make a version from an upload",
        description="The version is inspected in the background. The same file twice in one model is answered with 409 "
        "and the id of the version that has it.",
        request=VersionCreate,
        responses={202: VersionQueued},
    )
    def create(self, request: Request) -> Response:
        body = self.body(VersionCreate)
        upload = upload_services.upload_settle(
            actor=self.actor, upload=selectors.upload_get(self.actor, body["upload"])
        )
        model = selectors.model_get(self.actor, body["model"]) if "model" in body else None
        version, job = services.version_create(
            actor=self.actor,
            project=upload.project,
            upload=upload,
            model=model,
            model_name=body.get("model_name", ""),
            notes=body.get("notes", ""),
        )
        return Response(
            {"version": self._represent(version, job), "job": str(job.pk)},
            status=202,
            headers={"Location": job_address(job)},
        )

    @extend_schema(summary="A version", responses=VersionSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        version = selectors.version_read(self.actor, pk)
        return Response(self._represent(version, selectors.version_inspection_job(version)))

    @extend_schema(
        summary="Change the notes of a version", request=VersionUpdate, responses=VersionSerializer
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        version = selectors.version_get(self.actor, pk)
        services.version_describe(actor=self.actor, version=version, notes=self.body(VersionUpdate)["notes"])
        return Response(self._represent(version, selectors.version_inspection_job(version)))

    @extend_schema(summary="Inspect a version again", request=None, responses={202: InspectionQueued})
    @action(detail=True, methods=["post"])
    def inspect(self, request: Request, pk: UUID) -> Response:
        job = services.version_inspect(actor=self.actor, version=selectors.version_get(self.actor, pk))
        return Response({"job": str(job.pk)}, status=202, headers={"Location": job_address(job)})

    @extend_schema(summary="Download the source file of a version", responses=FILE_RESPONSES)
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: UUID) -> HttpResponseBase:
        version = selectors.version_get(self.actor, pk)
        return download_respond(
            request._request,
            actor=self.actor,
            permission="version.download",
            download=Download.of_blob(version, version.blob, version.file_name),
        )


def version_address(version: Any) -> str:
    return reverse("version-detail", args=[version.pk])

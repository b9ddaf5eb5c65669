"""Artifacts in the API."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.registry import selectors
from deployhub.registry.api.versions import FILE_RESPONSES
from deployhub.registry.downloads import download_respond
from deployhub.registry.filters import ArtifactFilter
from deployhub.registry.models import Artifact
from deployhub.registry.packing import artifact_download
from deployhub.registry.serializers import (
    ArtifactFileSerializer,
    ArtifactSerializer,
    ArtifactSummarySerializer,
)


@extend_schema(tags=["artifacts"])
class ArtifactViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "artifact.view",
        "retrieve": "artifact.view",
        "files": "artifact.view",
        "download": "artifact.download",
    }
    serializer_class = ArtifactSerializer
    filterset_class = ArtifactFilter
    queryset = Artifact.objects.none()
    sorts = ("id", "created_at", "size_bytes")

    @extend_schema(summary="Artifacts", responses=ArtifactSummarySerializer(many=True))
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "artifact.view")
        page = self.paginate_queryset(self.filtered(selectors.artifacts_listed(self.actor)))
        return self.get_paginated_response(ArtifactSummarySerializer(page, many=True).data)

    @extend_schema(summary="An artifact, with its proof", responses=ArtifactSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(ArtifactSerializer(selectors.artifact_read(self.actor, pk)).data)

    @extend_schema(summary="Files of an artifact", responses=ArtifactFileSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def files(self, request: Request, pk: UUID) -> Response:
        artifact = selectors.artifact_read(self.actor, pk)
        return Response(ArtifactFileSerializer(selectors.artifact_files(artifact), many=True).data)

    @extend_schema(
        summary="Download an artifact",
        description="One file as it is, a folder as a zip file. Ranges are answered, so a download can go on.",
        parameters=[OpenApiParameter("path", str, description="Only this file of the artifact.")],
        responses=FILE_RESPONSES,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def download(self, request: Request, pk: UUID) -> HttpResponseBase:
        artifact = selectors.artifact_get(self.actor, pk)
        return download_respond(
            request._request,
            actor=self.actor,
            permission="artifact.download",
            download=artifact_download(artifact, path=request.query_params.get("path", "")),
        )

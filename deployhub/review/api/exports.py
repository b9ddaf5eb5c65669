"""Exports of the log, and saved searches."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from deployhub.audit.scope import event_record
from deployhub.doors.api import ApiViewSet
from deployhub.registry.api.versions import FILE_RESPONSES
from deployhub.registry.downloads import Download, download_respond
from deployhub.review.filters import AuditExportFilter, query_valid
from deployhub.review.models import AuditExport, SavedSearch
from deployhub.review.selectors.exports import export_file, export_get, exports_visible
from deployhub.review.selectors.searches import search_get, searches_visible
from deployhub.review.serializers.exports import (
    AuditExportNewSerializer,
    AuditExportSerializer,
    SavedSearchNewSerializer,
    SavedSearchSerializer,
)
from deployhub.review.services.exports import export_create, export_remove
from deployhub.review.services.searches import search_delete, search_save


class AuditExportViewSet(ApiViewSet):
    """Exports of the audit log as files."""

    permissions = {
        "list": "audit.view", "retrieve": "audit.view", "create": "audit.export", "destroy": "audit.export_remove",
        "file": "audit.download",
    }  # fmt: skip
    serializer_class = AuditExportSerializer
    filterset_class = AuditExportFilter
    queryset = AuditExport.objects.none()

    @extend_schema(summary="List exports of the audit log", tags=["audit"])
    def list(self, request: Request) -> Response:
        event_record(self.actor, "audit.view", facts={"exports": [None, "list"]})
        return self.listed(exports_visible(self.actor))

    @extend_schema(summary="Read an export of the audit log", tags=["audit"])
    def retrieve(self, request: Request, pk: UUID) -> Response:
        export = export_get(self.actor, pk)
        event_record(self.actor, "audit.view", export)
        return Response(self.get_serializer(export).data)

    @extend_schema(
        summary="Export the audit log",
        description="Queues a job that writes the file. Needs a fresh second factor.",
        tags=["audit"],
        request=AuditExportNewSerializer,
        responses={202: AuditExportSerializer},
    )
    def create(self, request: Request) -> Response:
        body = self.body(AuditExportNewSerializer)
        export = export_create(actor=self.actor, **{**body, "query": query_valid(body["query"])})
        location = reverse("audit-exports-detail", args=[export.pk], request=request)
        return Response(self.get_serializer(export).data, status=202, headers={"Location": location})

    @extend_schema(
        summary="Remove the file of an export",
        tags=["audit"],
        responses={204: OpenApiResponse(description="Removed.")},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        export_remove(actor=self.actor, export=export_get(self.actor, pk))
        return Response(status=204)

    @extend_schema(
        summary="Download an export of the audit log",
        tags=["audit"],
        responses=FILE_RESPONSES,
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def file(self, request: Request, pk: UUID) -> HttpResponseBase:
        export, blob = export_file(self.actor, pk)
        return download_respond(
            request._request,
            actor=self.actor,
            permission="audit.download",
            download=Download.of_blob(export, blob, export.file_name),
        )


class SavedSearchViewSet(ApiViewSet):
    """Searches of the audit log that have a name: the own ones and those that are shared."""

    permissions = {
        "list": "audit.view", "retrieve": "audit.view", "create": "audit.search_save", "destroy": "audit.search_delete",
    }  # fmt: skip
    serializer_class = SavedSearchSerializer
    queryset = SavedSearch.objects.none()

    @extend_schema(summary="List saved searches", tags=["audit"], filters=False)
    def list(self, request: Request) -> Response:
        event_record(self.actor, "audit.view", facts={"saved searches": [None, "list"]})
        page = self.paginate_queryset(searches_visible(self.actor))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(summary="Read a saved search", tags=["audit"])
    def retrieve(self, request: Request, pk: UUID) -> Response:
        search = search_get(self.actor, pk)
        event_record(self.actor, "audit.view", search)
        return Response(self.get_serializer(search).data)

    @extend_schema(
        summary="Save a search",
        tags=["audit"],
        request=SavedSearchNewSerializer,
        responses={201: SavedSearchSerializer},
    )
    def create(self, request: Request) -> Response:
        body = self.body(SavedSearchNewSerializer)
        search = search_save(actor=self.actor, **{**body, "query": query_valid(body["query"])})
        location = reverse("audit-searches-detail", args=[search.pk], request=request)
        return Response(self.get_serializer(search).data, status=201, headers={"Location": location})

    @extend_schema(
        summary="Delete a saved search",
        tags=["audit"],
        responses={204: OpenApiResponse(description="Deleted.")},
    )
    def destroy(self, request: Request, pk: UUID) -> Response:
        search_delete(actor=self.actor, search=search_get(self.actor, pk))
        return Response(status=204)

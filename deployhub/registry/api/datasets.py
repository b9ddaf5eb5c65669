"""Datasets and their versions in the API."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.registry import selectors
from deployhub.registry.api.versions import FILE_RESPONSES, job_address
from deployhub.registry.dataset_comparison import dataset_compare
from deployhub.registry.downloads import Download, download_respond, picture_respond
from deployhub.registry.filters import DatasetFilter, DatasetVersionFilter
from deployhub.registry.models import Dataset, DatasetVersion
from deployhub.registry.serializers import (
    DatasetCheckQueued,
    DatasetComparisonSerializer,
    DatasetCreate,
    DatasetSerializer,
    DatasetVersionCreate,
    DatasetVersionQueued,
    DatasetVersionSerializer,
    DatasetVersionSummarySerializer,
)
from deployhub.registry.services import datasets as services
from deployhub.registry.services import uploads as upload_services


@extend_schema(tags=["datasets"])
class DatasetViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "dataset.view",
        "create": "dataset.create",
        "retrieve": "dataset.view",
        "download": "dataset.download",
    }
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilter
    queryset = Dataset.objects.none()
    sorts = ("id", "name")

    @extend_schema(summary="Datasets")
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "dataset.view")
        return self.listed(selectors.datasets_visible(self.actor))

    @extend_schema(
        summary="Make a dataset from an upload",
        description="Its first version is checked in the background.",
        request=DatasetCreate,
        responses={201: DatasetSerializer},
    )
    def create(self, request: Request) -> Response:
        body = self.body(DatasetCreate)
        upload = upload_services.upload_settle(
            actor=self.actor, upload=selectors.upload_get(self.actor, body.pop("upload"))
        )
        version = services.dataset_create(actor=self.actor, project=upload.project, upload=upload, **body)
        dataset = selectors.dataset_get(self.actor, version.dataset_id)
        return Response(
            self.get_serializer(dataset).data,
            status=201,
            headers={"Location": reverse("dataset-detail", args=[dataset.pk])},
        )

    @extend_schema(summary="A dataset")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(self.get_serializer(selectors.dataset_read(self.actor, pk)).data)

    @extend_schema(summary="Download the newest version of a dataset", responses=FILE_RESPONSES)
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: UUID) -> HttpResponseBase:
        version = selectors.dataset_get(self.actor, pk).newest
        return download_respond(
            request._request,
            actor=self.actor,
            permission="dataset.download",
            download=Download.of_blob(version, version.blob, version.file_name),
        )


@extend_schema(tags=["datasets"])
class DatasetVersionViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "dataset.view",
        "create": "dataset.extend",
        "retrieve": "dataset.view",
        "check": "dataset.check",
        "compare": "dataset.view",
        "thumbnail": "dataset.view",
        "download": "dataset.download",
    }
    serializer_class = DatasetVersionSerializer
    filterset_class = DatasetVersionFilter
    queryset = DatasetVersion.objects.none()
    sorts = ("id",)

    def _represent(self, version: DatasetVersion) -> dict[str, Any]:
        job = selectors.dataset_check_job(version)
        return DatasetVersionSerializer(version, context={"job": job}).data

    @extend_schema(summary="Versions of datasets", responses=DatasetVersionSummarySerializer(many=True))
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "dataset.view")
        rows = self.paginate_queryset(self.filtered(selectors.dataset_versions_listed(self.actor)))
        return self.get_paginated_response(DatasetVersionSummarySerializer(rows, many=True).data)

    @extend_schema(
        summary="Make a version of a dataset from an upload",
        description="The version is checked in the background. The same file twice in one dataset is answered with 409 "
        "and the id of the version that has it.",
        request=DatasetVersionCreate,
        responses={202: DatasetVersionQueued},
    )
    def create(self, request: Request) -> Response:
        body = self.body(DatasetVersionCreate)
        upload = upload_services.upload_settle(
            actor=self.actor, upload=selectors.upload_get(self.actor, body["upload"])
        )
        version = services.dataset_extend(
            actor=self.actor,
            dataset=selectors.dataset_get(self.actor, body["dataset"]),
            upload=upload,
            notes=body.get("notes", ""),
        )
        job = selectors.dataset_check_job(version)
        return Response(
            {"version": self._represent(version), "job": str(job.pk) if job is not None else None},
            status=202,
            headers={"Location": job_address(job)},
        )

    @extend_schema(summary="A version of a dataset, with its report")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(self._represent(selectors.dataset_version_read(self.actor, pk)))

    @extend_schema(
        summary="Check a version of a dataset again", request=None, responses={202: DatasetCheckQueued}
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: UUID) -> Response:
        job = services.dataset_check(actor=self.actor, version=selectors.dataset_version_get(self.actor, pk))
        return Response({"job": str(job.pk)}, status=202, headers={"Location": job_address(job)})

    @extend_schema(
        summary="What changed since another version",
        responses=DatasetComparisonSerializer,
        parameters=[
            OpenApiParameter(
                "base_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the other version."
            )
        ],
    )
    @action(detail=True, methods=["get"], url_path="compare/<uuid:base_id>")
    def compare(self, request: Request, pk: UUID, base_id: UUID) -> Response:
        version = selectors.dataset_version_read(self.actor, pk)
        base = selectors.dataset_version_get(self.actor, base_id)
        return Response(dataset_compare(base, version).described())

    @extend_schema(
        summary="A small picture of a version of a dataset",
        responses={(200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture.")},
        parameters=[
            OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH, description="From 0.")
        ],
    )
    @action(detail=True, methods=["get"], url_path="thumbnails/<int:number>")
    def thumbnail(self, request: Request, pk: UUID, number: int) -> HttpResponse:
        return picture_respond(selectors.dataset_version_get(self.actor, pk), number)

    @extend_schema(summary="Download a version of a dataset", responses=FILE_RESPONSES)
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: UUID) -> HttpResponseBase:
        version = selectors.dataset_version_get(self.actor, pk)
        return download_respond(
            request._request,
            actor=self.actor,
            permission="dataset.download",
            download=Download.of_blob(version, version.blob, version.file_name),
        )

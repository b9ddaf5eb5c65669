"""Datasets in the API."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.registry import selectors
from deployhub.registry.api.versions import FILE_RESPONSES
from deployhub.registry.downloads import Download, download_respond
from deployhub.registry.filters import DatasetFilter
from deployhub.registry.models import Dataset
from deployhub.registry.serializers import DatasetCreate, DatasetSerializer
from deployhub.registry.services import uploads as upload_services
from deployhub.registry.services.datasets import dataset_create


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
        summary="Make a dataset from an upload", request=DatasetCreate, responses={201: DatasetSerializer}
    )
    def create(self, request: Request) -> Response:
        body = self.body(DatasetCreate)
        upload = upload_services.upload_settle(
            actor=self.actor, upload=selectors.upload_get(self.actor, body.pop("upload"))
        )
        dataset = dataset_create(actor=self.actor, project=upload.project, upload=upload, **body)
        return Response(
            self.get_serializer(dataset).data,
            status=201,
            headers={"Location": reverse("dataset-detail", args=[dataset.pk])},
        )

    @extend_schema(summary="A dataset")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(self.get_serializer(selectors.dataset_read(self.actor, pk)).data)

    @extend_schema(summary="Download a dataset", responses=FILE_RESPONSES)
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: UUID) -> HttpResponseBase:
        dataset = selectors.dataset_get(self.actor, pk)
        return download_respond(
            request._request,
            actor=self.actor,
            permission="dataset.download",
            download=Download.of_blob(dataset, dataset.blob, dataset.file_name),
        )

"""Certificates, the keys that signed them, and budgets in the API."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.audit.scope import event_record
from deployhub.certification import selectors
from deployhub.certification.filters import CertificateFilter
from deployhub.certification.packing import bundle_download
from deployhub.certification.serializers import (
    BudgetSerializer,
    BudgetSet,
    CertificateCreate,
    CertificateKeySerializer,
    CertificateSerializer,
    CertificateSummarySerializer,
    CertificationQueued,
)
from deployhub.certification.services.certificates import budget_set, certificate_request
from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import InvalidInput
from deployhub.registry import selectors as registry
from deployhub.registry.api.versions import FILE_RESPONSES
from deployhub.registry.downloads import Download, download_respond
from deployhub.registry.models import Certificate


@extend_schema(tags=["certificates"])
class CertificateViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "certificate.view",
        "retrieve": "certificate.view",
        "create": "certificate.create",
        "bundle": "certificate.view",
        "picture": "certificate.view",
    }
    serializer_class = CertificateSerializer
    filterset_class = CertificateFilter
    queryset = Certificate.objects.none()

    @extend_schema(summary="Certificates", responses=CertificateSummarySerializer(many=True))
    def list(self, request: Request) -> Response:
        registry.list_record(self.actor, "certificate.view")
        page = self.paginate_queryset(self.filtered(selectors.certificates_listed(self.actor)))
        return self.get_paginated_response(CertificateSummarySerializer(page, many=True).data)

    @extend_schema(summary="A certificate, with all that was measured", responses=CertificateSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(CertificateSerializer(selectors.certificate_read(self.actor, pk)).data)

    @extend_schema(
        summary="Have an artifact certified",
        description="202 with the address of the job in Location; the job's result names the certificate.",
        request=CertificateCreate,
        responses={202: CertificationQueued},
    )
    def create(self, request: Request) -> Response:
        body = self.body(CertificateCreate)
        dataset = None
        if body.get("dataset"):
            dataset = registry.dataset_version_named(self.actor, body["dataset"])
            if dataset is None:
                raise InvalidInput(
                    "There is no such accepted dataset, or you have no access to it.",
                    errors={"dataset": ["Not found."]},
                )
        asked = certificate_request(
            actor=self.actor,
            artifact=registry.artifact_get(self.actor, body["artifact"]),
            dataset=dataset,
            without_dataset=body["without_dataset"],
        )
        return Response(
            {"job": str(asked.job.pk), "joined": asked.is_joined},
            status=202,
            headers={"Location": reverse("job-detail", args=[asked.job.pk])},
        )

    @extend_schema(
        summary="Download the signed certificate",
        description="One DSSE envelope a line: the certificate, SLSA provenance, and a CycloneDX bill of materials. "
        "`deployhub verify` checks it offline.",
        responses=FILE_RESPONSES,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def bundle(self, request: Request, pk: UUID) -> HttpResponseBase:
        return download_respond(
            request._request,
            actor=self.actor,
            permission="certificate.view",
            download=bundle_download(selectors.certificate_get(self.actor, pk)),
        )

    @extend_schema(
        summary="A picture of the side-by-side viewer",
        parameters=[
            OpenApiParameter(
                "position", OpenApiTypes.INT, OpenApiParameter.PATH, description="Its place, from 0."
            )
        ],
        responses=FILE_RESPONSES,
        filters=False,
    )
    @action(
        detail=True,
        methods=["get"],
        url_path="pictures/<int:position>",
        pagination_class=None,
        filterset_class=None,
    )
    def picture(self, request: Request, pk: UUID, position: int) -> HttpResponseBase:
        found = selectors.certificate_picture(self.actor, pk, position)
        return download_respond(
            request._request,
            actor=self.actor,
            permission="certificate.view",
            download=Download.of_blob(found.certificate, found.blob, f"{position}.jpg"),
        )


@extend_schema(tags=["certificates"])
class CertificateKeyViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"list": "certificate.view"}
    serializer_class = CertificateKeySerializer
    queryset = Certificate.objects.none()
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(summary="Keys that signed certificates", responses=CertificateKeySerializer(many=True))
    def list(self, request: Request) -> Response:
        """The keys of every certificate that one may see; `deployhub verify --key` takes one."""
        event_record(self.actor, "certificate.view")
        return Response(CertificateKeySerializer(selectors.certificate_keys(self.actor), many=True).data)


@extend_schema(tags=["certificates"])
class BudgetViewSet(ApiViewSet):
    """What artifacts of a project may lose."""

    permissions: ClassVar[dict[str, str]] = {"list": "certificate.view", "update": "certificate.budget"}
    serializer_class = BudgetSerializer
    queryset = Certificate.objects.none()
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        summary="Budgets of a project",
        parameters=[
            OpenApiParameter(
                "project_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the project."
            )
        ],
        responses=BudgetSerializer(many=True),
    )
    def list(self, request: Request, project_id: UUID) -> Response:
        project = registry.project_read(self.actor, project_id)
        return Response(BudgetSerializer(selectors.budgets_of(project), many=True).data)

    @extend_schema(
        summary="Set the budget of a precision",
        parameters=[
            OpenApiParameter(
                "project_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the project."
            )
        ],
        request=BudgetSet,
        responses=BudgetSerializer(many=True),
    )
    def update(self, request: Request, project_id: UUID) -> Response:
        project = registry.project_get(self.actor, project_id)
        budget_set(actor=self.actor, project=project, **self.body(BudgetSet))
        return Response(BudgetSerializer(selectors.budgets_of(project), many=True).data)

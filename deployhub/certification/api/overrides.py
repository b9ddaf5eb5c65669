"""Overrides and approvals in the API."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.certification import selectors
from deployhub.certification.filters import OverrideFilter
from deployhub.certification.serializers import OverrideCreate, OverrideReason, OverrideSerializer
from deployhub.certification.services import overrides as services
from deployhub.doors.api import ApiViewSet
from deployhub.registry import selectors as registry
from deployhub.registry.models import Artifact, CertificateOverride
from deployhub.registry.serializers import ArtifactSerializer


@extend_schema(tags=["certificates"])
class OverrideViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "certificate.view",
        "retrieve": "certificate.view",
        "create": "override.request",
        "approve": "override.decide",
        "decline": "override.decide",
        "withdraw": "override.request",
    }
    serializer_class = OverrideSerializer
    filterset_class = OverrideFilter
    queryset = CertificateOverride.objects.none()

    @extend_schema(summary="Overrides")
    def list(self, request: Request) -> Response:
        registry.list_record(self.actor, "certificate.view")
        return self.listed(selectors.overrides_visible(self.actor))

    @extend_schema(summary="An override")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(OverrideSerializer(selectors.override_read(self.actor, pk)).data)

    @extend_schema(
        summary="Ask to go on without a passed certificate",
        request=OverrideCreate,
        responses={201: OverrideSerializer},
    )
    def create(self, request: Request) -> Response:
        body = self.body(OverrideCreate)
        override = services.override_request(
            actor=self.actor,
            artifact=registry.artifact_get(self.actor, body["artifact"]),
            reason=body["reason"],
        )
        return Response(
            OverrideSerializer(override).data,
            status=201,
            headers={"Location": reverse("override-detail", args=[override.pk])},
        )

    @extend_schema(summary="Give an override", request=OverrideReason, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: UUID) -> Response:
        return self._decided(services.override_approve, pk, **self.body(OverrideReason))

    @extend_schema(summary="Decline an override", request=OverrideReason, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: UUID) -> Response:
        return self._decided(services.override_decline, pk, **self.body(OverrideReason))

    @extend_schema(summary="Withdraw an own request", request=None, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        return self._decided(services.override_withdraw, pk)

    def _decided(self, act: Any, pk: UUID, **body: Any) -> Response:
        override = act(actor=self.actor, override=selectors.override_get(self.actor, pk), **body)
        return Response(OverrideSerializer(override).data)


@extend_schema(tags=["artifacts"])
class ApprovalViewSet(ApiViewSet):
    """The mark that an artifact is fit for deployment."""

    permissions: ClassVar[dict[str, str]] = {"approve": "artifact.approve", "remove": "artifact.approve"}
    serializer_class = ArtifactSerializer
    queryset = Artifact.objects.none()

    @extend_schema(
        summary="Mark an artifact fit for deployment",
        description="It needs a certificate that passed, or an override (409 `not_certified`).",
        request=None,
        responses=ArtifactSerializer,
    )
    def approve(self, request: Request, pk: UUID) -> Response:
        artifact = services.artifact_approve(actor=self.actor, artifact=registry.artifact_get(self.actor, pk))
        return Response(ArtifactSerializer(artifact).data)

    @extend_schema(summary="Take the mark away", request=OverrideReason, responses=ArtifactSerializer)
    def remove(self, request: Request, pk: UUID) -> Response:
        artifact = services.artifact_approval_remove(
            actor=self.actor,
            artifact=registry.artifact_get(self.actor, pk),
            **self.body(OverrideReason),
        )
        return Response(ArtifactSerializer(artifact).data)

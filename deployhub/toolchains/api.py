"""API noun: toolchains."""

from __future__ import annotations

from typing import ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.jobs.models import Job
from deployhub.jobs.serializers import JobDetailSerializer
from deployhub.toolchains import selectors, services
from deployhub.toolchains.serializers import ToolchainSerializer


def _accepted(job: Job) -> Response:
    return Response(
        JobDetailSerializer(job).data, status=202, headers={"Location": reverse("job-detail", args=[job.pk])}
    )


@extend_schema(tags=["toolchains"])
class ToolchainViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "toolchain.view",
        "retrieve": "toolchain.view",
        "build": "toolchain.build",
        "rebuild": "toolchain.rebuild",
        "remove": "toolchain.remove",
    }
    serializer_class = ToolchainSerializer
    pagination_class = None  # type: ignore[assignment]
    lookup_field = "name"
    lookup_value_converter = "str"

    @extend_schema(summary="Toolchains", responses=ToolchainSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Every declared toolchain, with its environments on the workers' machines."""
        return Response(ToolchainSerializer(selectors.toolchains_listed(self.actor), many=True).data)

    @extend_schema(summary="A toolchain", responses=ToolchainSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        return Response(ToolchainSerializer(selectors.toolchain_get(self.actor, name)).data)

    @extend_schema(summary="Build a toolchain", request=None, responses={202: JobDetailSerializer})
    @action(detail=True, methods=["post"])
    def build(self, request: Request, name: str) -> Response:
        """Make it before an export needs it. 409 where that can't be, or is under way."""
        face = selectors.toolchain_get(self.actor, name)
        return _accepted(services.toolchain_build(actor=self.actor, face=face))

    @extend_schema(summary="Rebuild a toolchain", request=None, responses={202: JobDetailSerializer})
    @action(detail=True, methods=["post"])
    def rebuild(self, request: Request, name: str) -> Response:
        """Resolve its packages again and replace the environment."""
        face = selectors.toolchain_get(self.actor, name)
        return _accepted(services.toolchain_rebuild(actor=self.actor, face=face))

    @extend_schema(summary="Remove a toolchain", request=None, responses={202: JobDetailSerializer})
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, name: str) -> Response:
        """Remove its environments; the lists of packages are kept, so that old exports can be made again."""
        face = selectors.toolchain_get(self.actor, name)
        return _accepted(services.toolchain_remove(actor=self.actor, face=face))

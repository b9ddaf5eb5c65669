"""API nouns of the portal: the state of the system."""

from __future__ import annotations

from typing import Any

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.audit.scope import event_record
from deployhub.doors.api import ApiViewSet
from deployhub.portal import system
from deployhub.portal.serializers import SystemSerializer


class SystemViewSet(ApiViewSet):
    """The state of the installation."""

    permissions = {"list": "system.view"}
    serializer_class = SystemSerializer
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        summary="Read the state of the system",
        tags=["system"],
        responses=forced_singular_serializer(SystemSerializer),
        filters=False,
    )
    def list(self, request: Request, *args: Any) -> Response:
        event_record(self.actor, "system.view")
        checks = [
            {"name": c.name, "verdict": c.verdict.value, "found": c.found, "advice": c.advice}
            for c in system.system_checks()
        ]
        return Response({"versions": system.versions(), "checks": checks})

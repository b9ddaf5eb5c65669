"""The audit log."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import event_record
from deployhub.audit.selectors import events_all
from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import NotFound
from deployhub.review.filters import AuditEventFilter
from deployhub.review.serializers.events import AuditEventSerializer


class AuditEventViewSet(ApiViewSet):
    """The audit log, newest first."""

    permissions = {"list": "audit.view", "retrieve": "audit.view"}
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilter
    queryset = AuditEvent.objects.none()
    lookup_value_converter = "int"

    @extend_schema(summary="List audit events", tags=["audit"])
    def list(self, request: Request) -> Response:
        event_record(
            self.actor, "audit.view", facts={"query": [None, request.META.get("QUERY_STRING", "")[:300]]}
        )
        return self.listed(events_all())

    @extend_schema(summary="Read an audit event", tags=["audit"])
    def retrieve(self, request: Request, pk: int) -> Response:
        event = events_all().filter(pk=pk).first() if int(pk) < 2**63 else None
        if event is None:
            raise NotFound("There is no such event.")
        event_record(self.actor, "audit.view", facts={"event": [None, int(pk)]})
        return Response(self.get_serializer(event).data)

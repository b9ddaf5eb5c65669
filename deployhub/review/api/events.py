"""The audit log."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import event_record
from deployhub.audit.selectors import events_all
from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import InvalidInput, NotFound
from deployhub.review.filters import AuditEventFilter, time_range
from deployhub.review.selectors.summary import events_summary, events_timeline
from deployhub.review.serializers.events import AuditEventSerializer, SummarySerializer


class AuditEventViewSet(ApiViewSet):
    """The audit log, newest first."""

    permissions = {"list": "audit.view", "retrieve": "audit.view", "summary": "audit.view"}
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilter
    newest_first = ("-at", "-id")
    queryset = AuditEvent.objects.none()
    lookup_value_converter = "int"

    def _asked(self, name: str) -> None:
        event_record(
            self.actor, "audit.view", facts={name: [None, self.request.META.get("QUERY_STRING", "")[:300]]}
        )

    @extend_schema(summary="List audit events", tags=["audit"])
    def list(self, request: Request) -> Response:
        self._asked("query")
        return self.listed(events_all())

    @extend_schema(summary="Read an audit event", tags=["audit"])
    def retrieve(self, request: Request, pk: int) -> Response:
        event = events_all().filter(pk=pk).first() if int(pk) < 2**63 else None
        if event is None:
            raise NotFound("There is no such event.")
        event_record(self.actor, "audit.view", facts={"event": [None, int(pk)]})
        return Response(self.get_serializer(event).data)

    @extend_schema(
        summary="Count audit events",
        description="How many events fit, how they divide by each filter, and how many fall into each step of time.",
        tags=["audit"],
        responses=SummarySerializer,
    )
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        filterset = AuditEventFilter(request.query_params, queryset=events_all(), request=request)
        if not filterset.is_valid():
            raise InvalidInput(
                "A filter is not valid.", errors={k: [str(e) for e in v] for k, v in filterset.errors.items()}
            )
        self._asked("counts of")
        since, until = time_range(filterset)
        found = events_summary(filterset.qs)
        timeline = events_timeline(filterset.qs, since=since, until=until)
        return Response(
            SummarySerializer(
                {"count": found.count, "capped": found.capped, "facets": found.facets, "timeline": timeline}
            ).data
        )

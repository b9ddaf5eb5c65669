"""The audit log, for auditors and administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from deployhub.audit.scope import event_record
from deployhub.audit.selectors import events_all
from deployhub.doors.pages import ListPage
from deployhub.registry.models import Project
from deployhub.review.filters import AuditEventFilter


class AuditPage(ListPage):
    permission = "audit.view"
    template_name = "review/audit.html"
    filterset_class = AuditEventFilter

    def queryset(self) -> Any:
        return events_all()

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        event_record(
            self.actor, "audit.view", facts={"query": [None, request.META.get("QUERY_STRING", "")[:300]]}
        )
        return super().get(request, *args, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        listing = extra.get("listing")
        ids = {event.project_id for event in listing.rows if event.project_id} if listing else set()
        return {**extra, "project_names": dict(Project.objects.filter(pk__in=ids).values_list("pk", "name"))}

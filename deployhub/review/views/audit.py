"""The audit log, for auditors and administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from deployhub.audit.scope import event_record
from deployhub.audit.selectors import events_all
from deployhub.doors.pages import ListPage, Page
from deployhub.registry.models import Project
from deployhub.review.filters import AuditEventFilter, query_kept, time_range
from deployhub.review.selectors.searches import searches_visible
from deployhub.review.selectors.summary import Timeline, events_summary, events_timeline
from deployhub.review.vocab import FACET_LABELS

MENU_SEARCHES = 20
REMOVABLE = {
    "request": "One request", "job": "One job", "object_id": "One object", "object_type": "Object: {}", "actor": "One account",
    "actor_kind": "Actor: {}", "action": "Action: {}", "token": "One token", "address": "Address: {}",
    "project": "One project", "auth_method": "Proved by: {}", "since": "From {}", "until": "Before {}",
}  # fmt: skip
"""Filters that no menu of the page shows, and what the chip that removes each says."""


class AuditPage(ListPage):
    permission = "audit.view"
    template_name = "review/audit.html"
    filterset_class = AuditEventFilter
    newest_first = ("-at", "-id")

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
        query = query_kept(self.request.GET)
        return {
            **extra,
            "project_names": dict(Project.objects.filter(pk__in=ids).values_list("pk", "name")),
            "query": urlencode(query),
            "searches": searches_visible(self.actor)[:MENU_SEARCHES],
            "chips": [
                {
                    "name": name,
                    "value": query[name],
                    "label": words.format(query[name]),
                    "href": f"?{urlencode({key: value for key, value in query.items() if key != name})}",
                }
                for name, words in REMOVABLE.items()
                if name in query
            ],
        }


class AuditSummaryPage(Page):
    """Facets and bars of a search: the part of the page that comes after the rows."""

    permission = "audit.view"
    template_name = "review/_summary.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        filterset = AuditEventFilter(request.GET, queryset=events_all(), request=request)
        if not filterset.is_valid():
            return self.page(summary=None, status=400)
        since, until = time_range(filterset)
        event_record(
            self.actor, "audit.view", facts={"counts of": [None, request.META.get("QUERY_STRING", "")[:300]]}
        )
        summary = events_summary(filterset.qs)
        timeline = events_timeline(filterset.qs, since=since, until=until)
        return self.page(
            summary=summary,
            facets=[(FACET_LABELS[facet.name], facet) for facet in summary.facets if facet.values],
            timeline=timeline,
            chart=_chart(timeline),
            query=urlencode(query_kept(request.GET)),
        )


def _chart(timeline: Timeline) -> dict[str, Any]:
    return {
        "x": [int(at.timestamp()) for at in timeline.at],
        "time": True,
        "kind": "bars",
        "stacked": True,
        "step": timeline.step_s,
        "x_label": "From",
        "series": [
            {"label": "Done", "values": timeline.success, "tone": "accent"},
            {"label": "Failed", "values": timeline.failed, "tone": "warning"},
            {"label": "Denied", "values": timeline.denied, "tone": "danger"},
        ],
    }

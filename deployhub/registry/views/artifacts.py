"""Pages of artifacts: the list, one with its proof and lineage, the download."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from deployhub.access.duties import is_other_than
from deployhub.access.vocab import RequestState
from deployhub.audit.selectors import object_history
from deployhub.doors.pages import ListPage, Page
from deployhub.jobs.selectors import jobs_of_subject
from deployhub.registry import selectors
from deployhub.registry.downloads import Download, RangeDownload
from deployhub.registry.filters import ArtifactFilter
from deployhub.registry.models import Artifact
from deployhub.registry.packing import artifact_download
from deployhub.registry.services.gate import clearance_of
from deployhub.registry.services.models import makers_of
from deployhub.registry.vocab import Proof

OVERRIDES_SHOWN = 10


class ArtifactList(ListPage):
    permission = "artifact.view"
    template_name = "registry/artifacts.html"
    rows_template = "registry/_artifact_rows.html"
    filterset_class = ArtifactFilter
    sorts = ("id", "created_at", "size_bytes")

    def queryset(self) -> QuerySet:
        return selectors.artifacts_listed(self.actor)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        selectors.list_record(self.actor, "artifact.view")
        return super().get(request, *args, **kwargs)

    def context(self, **extra: Any) -> dict[str, Any]:
        formats = selectors.artifacts_visible(self.actor).order_by("format_key")
        return {
            **extra,
            "proofs": Proof.choices,
            "formats": list(formats.values_list("format_key", "format_label").distinct()),
        }


class ArtifactPage(Page):
    permission = "artifact.view"
    template_name = "registry/artifact.html"

    def get(self, request: HttpRequest, artifact_id: UUID) -> HttpResponse:
        artifact = selectors.artifact_read(self.actor, artifact_id)
        return self.page(
            artifact=artifact,
            files=selectors.artifact_files(artifact),
            history=object_history(artifact)[:30],
            speedup=latency_ratio(artifact),
            clearance=clearance_of(artifact),
            overrides=self._overrides(artifact),
            certifying=selectors.artifact_certify_job(artifact),
            replays=jobs_of_subject(self.actor, artifact).filter(kind="artifact_replay").order_by("-id")[:5],
        )

    def _overrides(self, artifact: Artifact) -> list[dict[str, Any]]:
        """Requests for an override, and whether this person may decide."""
        makers = [artifact.created_by_id, *makers_of(artifact.version)]
        return [
            {
                "row": row,
                "waits": row.state == RequestState.WAITING,
                "is_mine": row.requested_by_id == self.actor.user_id,
                "may_decide": is_other_than(self.actor, [row.requested_by_id, *makers]),
            }
            for row in selectors.artifact_overrides(artifact)[:OVERRIDES_SHOWN]
        ]


def latency_ratio(artifact: Artifact) -> float | None:
    """How many times as fast as its source the artifact ran; None without both figures."""
    source_ms, artifact_ms = (artifact.latency_ms.get(name) for name in ("source", "artifact"))
    if not isinstance(source_ms, int | float) or not isinstance(artifact_ms, int | float) or artifact_ms <= 0:
        return None
    return source_ms / artifact_ms


class ArtifactDownload(RangeDownload):
    permission = "artifact.download"

    def download(self, **kwargs: Any) -> Download:
        artifact = selectors.artifact_get(self.actor, kwargs["artifact_id"])
        return artifact_download(artifact, path=self.request.GET.get("path", ""))

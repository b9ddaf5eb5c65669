"""Findings, rules, reviews and digests."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.review.filters import DigestFilter, FindingFilter, ReviewFilter
from deployhub.review.models import Digest, Finding, Review
from deployhub.review.selectors import findings as read
from deployhub.review.serializers.findings import (
    DigestSerializer,
    FindingAssignSerializer,
    FindingCloseSerializer,
    FindingCommentCreateSerializer,
    FindingLinkSerializer,
    FindingReopenSerializer,
    FindingSerializer,
    FindingWithCommentsSerializer,
    ReviewCreateSerializer,
    ReviewSerializer,
    RuleMuteSerializer,
    RuleSerializer,
    RuleUpdateSerializer,
)
from deployhub.review.services import findings as write
from deployhub.review.services.reviews import review_record
from deployhub.review.services.tuning import rule_mute, rule_tune, rule_unmute


def _changed(summary: str, request: Any) -> Any:
    return extend_schema(
        tags=["review"], summary=summary, request=request, responses=FindingWithCommentsSerializer
    )


@extend_schema_view(
    list=extend_schema(tags=["review"], summary="List findings", responses=FindingSerializer(many=True)),
    retrieve=extend_schema(
        tags=["review"], summary="Read a finding", responses=FindingWithCommentsSerializer
    ),
    assign=_changed("Give a finding to somebody", FindingAssignSerializer),
    comment=_changed("Comment on a finding", FindingCommentCreateSerializer),
    link=_changed("Link an event to a finding", FindingLinkSerializer),
    close=_changed("Sign a finding off", FindingCloseSerializer),
    reopen=_changed("Open a finding again", FindingReopenSerializer),
)
class FindingViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "finding.view",
        "retrieve": "finding.view",
        "assign": "finding.update",
        "comment": "finding.update",
        "link": "finding.update",
        "close": "finding.close",
        "reopen": "finding.update",
    }
    queryset = Finding.objects.none()
    serializer_class = FindingSerializer
    filterset_class = FindingFilter
    sorts = ("last_at", "created_at")

    def _face(self, finding: Finding) -> Response:
        return Response(FindingWithCommentsSerializer(read.finding_get(self.actor, finding.pk)).data)

    def list(self, request: Request) -> Response:
        """What the review rules found, newest first."""
        return self.listed(read.findings_read(self.actor))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One finding with its comments. That it was read is in the audit log."""
        return Response(FindingWithCommentsSerializer(read.finding_read(self.actor, pk)).data)

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: UUID) -> Response:
        """Give the finding to an administrator or auditor whom it is not about."""
        finding = read.finding_get(self.actor, pk)
        body = self.body(FindingAssignSerializer)
        return self._face(write.finding_assign(actor=self.actor, finding=finding, username=body["owner"]))

    @action(detail=True, methods=["post"])
    def comment(self, request: Request, pk: UUID) -> Response:
        """Add a comment."""
        finding = read.finding_get(self.actor, pk)
        write.finding_comment(actor=self.actor, finding=finding, **self.body(FindingCommentCreateSerializer))
        return self._face(finding)

    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: UUID) -> Response:
        """Link a further event of the audit log."""
        finding = read.finding_get(self.actor, pk)
        return self._face(
            write.finding_link(actor=self.actor, finding=finding, **self.body(FindingLinkSerializer))
        )

    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: UUID) -> Response:
        """Sign the finding off as benign or confirmed. Refused for a finding about oneself."""
        finding = read.finding_get(self.actor, pk)
        return self._face(
            write.finding_close(actor=self.actor, finding=finding, **self.body(FindingCloseSerializer))
        )

    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: UUID) -> Response:
        """Open a finding again."""
        finding = read.finding_get(self.actor, pk)
        return self._face(
            write.finding_reopen(actor=self.actor, finding=finding, **self.body(FindingReopenSerializer))
        )


@extend_schema_view(
    list=extend_schema(
        tags=["review"], summary="List review rules", responses=RuleSerializer(many=True), filters=False
    ),
    retrieve=extend_schema(tags=["review"], summary="Read a review rule", responses=RuleSerializer),
    partial_update=extend_schema(
        tags=["review"], summary="Tune a review rule", request=RuleUpdateSerializer, responses=RuleSerializer
    ),
    mute=extend_schema(
        tags=["review"], summary="Mute a review rule", request=RuleMuteSerializer, responses=RuleSerializer
    ),
    unmute=extend_schema(tags=["review"], summary="End a mute", request=None, responses=RuleSerializer),
)
class RuleViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "rule.view",
        "retrieve": "rule.view",
        "partial_update": "rule.update",
        "mute": "rule.mute",
        "unmute": "rule.mute",
    }
    lookup_field = "rule"
    lookup_value_converter = "slug"
    queryset = Finding.objects.none()
    serializer_class = RuleSerializer
    pagination_class = None  # type: ignore[assignment]

    def list(self, request: Request) -> Response:
        """All rules with their thresholds, the gravest first."""
        return Response(RuleSerializer(read.rules_read(self.actor), many=True).data)

    def retrieve(self, request: Request, rule: str) -> Response:
        """One rule."""
        return Response(RuleSerializer(read.rule_read(self.actor, rule)).data)

    def partial_update(self, request: Request, rule: str) -> Response:
        """Set thresholds. They hold for events from now on."""
        known = read.rule_get(rule)
        rule_tune(actor=self.actor, rule=known, **self.body(RuleUpdateSerializer))
        return Response(RuleSerializer(read.rule_face(rule)).data)

    @action(detail=True, methods=["post"])
    def mute(self, request: Request, rule: str) -> Response:
        """Keep the rule quiet for some days; what it finds is kept aside, and the mute ends by itself."""
        known = read.rule_get(rule)
        rule_mute(actor=self.actor, rule=known, **self.body(RuleMuteSerializer))
        return Response(RuleSerializer(read.rule_face(rule)).data)

    @action(detail=True, methods=["post"])
    def unmute(self, request: Request, rule: str) -> Response:
        """End the mute before its time."""
        rule_unmute(actor=self.actor, rule=read.rule_get(rule))
        return Response(RuleSerializer(read.rule_face(rule)).data)


@extend_schema_view(
    list=extend_schema(tags=["review"], summary="List reviews", responses=ReviewSerializer(many=True)),
    create=extend_schema(
        tags=["review"],
        summary="Record a review",
        request=ReviewCreateSerializer,
        responses={201: ReviewSerializer},
    ),
)
class ReviewViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"list": "review.view", "create": "review.record"}
    queryset = Review.objects.none()
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilter

    def list(self, request: Request) -> Response:
        """Who reviewed when, newest first."""
        return self.listed(read.reviews_read(self.actor))

    def create(self, request: Request) -> Response:
        """Say that one has looked through the findings."""
        review = review_record(actor=self.actor, **self.body(ReviewCreateSerializer))
        return Response(
            ReviewSerializer(review).data, status=201, headers={"Location": reverse("reviews-list")}
        )


@extend_schema_view(
    list=extend_schema(tags=["review"], summary="List weekly digests", responses=DigestSerializer(many=True)),
    retrieve=extend_schema(tags=["review"], summary="Read a weekly digest", responses=DigestSerializer),
)
class DigestViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"list": "digest.view", "retrieve": "digest.view"}
    queryset = Digest.objects.none()
    serializer_class = DigestSerializer
    filterset_class = DigestFilter

    def list(self, request: Request) -> Response:
        """The digests, newest first."""
        return self.listed(read.digests_read(self.actor))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """The digest of one week."""
        return Response(DigestSerializer(read.digest_read(self.actor, pk)).data)

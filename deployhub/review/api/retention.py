"""How long the log is kept, legal holds, and the erasure of a person."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from deployhub.accounts.selectors import user_get
from deployhub.audit.scope import event_record
from deployhub.doors.api import ApiViewSet
from deployhub.review.models import LegalHold, RetentionRule
from deployhub.review.selectors.retention import hold_get, holds_visible, retention_classes
from deployhub.review.serializers.retention import (
    ErasureSerializer,
    LegalHoldNewSerializer,
    LegalHoldSerializer,
    ReasonSerializer,
    RetentionClassSerializer,
    RetentionUpdateSerializer,
)
from deployhub.review.services.erasure import person_erase
from deployhub.review.services.retention import hold_place, hold_release, retention_update


class RetentionViewSet(ApiViewSet):
    """For how long the events of each group are kept."""

    permissions = {"list": "retention.view", "create": "retention.update"}
    serializer_class = RetentionClassSerializer
    pagination_class = None  # type: ignore[assignment]
    queryset = RetentionRule.objects.none()

    @extend_schema(
        summary="Read how long the audit log is kept",
        tags=["audit"],
        filters=False,
        responses=RetentionClassSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        event_record(self.actor, "retention.view")
        return Response(RetentionClassSerializer(retention_classes(), many=True).data)

    @extend_schema(
        summary="Change how long the audit log is kept",
        description="Needs a fresh second factor. Answers with all groups.",
        tags=["audit"],
        request=RetentionUpdateSerializer,
        responses={200: RetentionClassSerializer(many=True)},
    )
    def create(self, request: Request) -> Response:
        retention_update(actor=self.actor, **self.body(RetentionUpdateSerializer))
        return Response(RetentionClassSerializer(retention_classes(), many=True).data)


class LegalHoldViewSet(ApiViewSet):
    """Events that must neither be removed nor erased."""

    permissions = {
        "list": "retention.view", "retrieve": "retention.view", "create": "hold.place", "release": "hold.release",
    }  # fmt: skip
    serializer_class = LegalHoldSerializer
    queryset = LegalHold.objects.none()

    @extend_schema(summary="List legal holds", tags=["audit"], filters=False)
    def list(self, request: Request) -> Response:
        event_record(self.actor, "retention.view", facts={"holds": [None, "list"]})
        page = self.paginate_queryset(holds_visible(self.actor))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(summary="Read a legal hold", tags=["audit"])
    def retrieve(self, request: Request, pk: UUID) -> Response:
        hold = hold_get(self.actor, pk)
        event_record(self.actor, "retention.view", hold)
        return Response(self.get_serializer(hold).data)

    @extend_schema(
        summary="Place a legal hold",
        tags=["audit"],
        request=LegalHoldNewSerializer,
        responses={201: LegalHoldSerializer},
    )
    def create(self, request: Request) -> Response:
        hold = hold_place(actor=self.actor, **self.body(LegalHoldNewSerializer))
        location = reverse("audit-holds-detail", args=[hold.pk], request=request)
        return Response(self.get_serializer(hold).data, status=201, headers={"Location": location})

    @extend_schema(
        summary="Release a legal hold",
        tags=["audit"],
        request=ReasonSerializer,
        responses={200: LegalHoldSerializer},
    )
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: UUID) -> Response:
        hold = hold_release(actor=self.actor, hold=hold_get(self.actor, pk), **self.body(ReasonSerializer))
        return Response(self.get_serializer(hold).data)


class ErasureViewSet(ApiViewSet):
    """Taking a person out of accounts and audit log."""

    permissions = {"create": "person.erase"}
    serializer_class = ErasureSerializer
    queryset = RetentionRule.objects.none()

    @extend_schema(
        summary="Erase a person",
        description="Closes and renames the account, and empties the person's name, address and browser in the log. "
        "It cannot be undone. A legal hold forbids it (409). Needs a fresh second factor.",
        tags=["audit"],
        request=ErasureSerializer,
        responses={204: OpenApiResponse(description="Erased.")},
    )
    def create(self, request: Request) -> Response:
        body = self.body()
        person_erase(actor=self.actor, user=user_get(self.actor, body["user_id"]), reason=body["reason"])
        return Response(status=204)

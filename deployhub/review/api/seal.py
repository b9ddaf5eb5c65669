"""The seal over the audit log: checkpoints, proofs and keys, for outside witnesses and third parties."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.audit.models import AuditCheckpoint, AuditEvent, AuditKey
from deployhub.audit.scope import event_record
from deployhub.audit.selectors import events_all, proofs
from deployhub.doors.api import ApiViewSet
from deployhub.doors.keyset import KeysetPagination
from deployhub.kernel.errors import InvalidInput, NotFound
from deployhub.review.serializers.seal import (
    ConsistencyProofSerializer,
    InclusionProofSerializer,
    SignedCheckpointSerializer,
    SigningKeySerializer,
)


class BySequence(KeysetPagination):
    """Checkpoints have a sequence in place of an id."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("-sequence",)


class AuditCheckpointViewSet(ApiViewSet):
    """Signed checkpoints of the audit log, newest first."""

    permissions = {"list": "audit.view", "retrieve": "audit.view", "consistency": "audit.view"}
    serializer_class = SignedCheckpointSerializer
    pagination_class = BySequence
    queryset = AuditCheckpoint.objects.none()
    lookup_value_converter = "int"

    def _found(self, sequence: int | str) -> AuditCheckpoint:
        known = proofs.checkpoints_all().filter(pk=sequence).first() if int(sequence) < 2**63 else None
        if known is None:
            raise NotFound("There is no such checkpoint.")
        return known

    @extend_schema(summary="List checkpoints", tags=["audit"], filters=False)
    def list(self, request: Request) -> Response:
        event_record(self.actor, "audit.view", facts={"checkpoints": [None, "list"]})
        page = self.paginate_queryset(proofs.checkpoints_all()) or []
        return self.get_paginated_response([proofs.checkpoint_signed(checkpoint) for checkpoint in page])

    @extend_schema(summary="Read a checkpoint", tags=["audit"])
    def retrieve(self, request: Request, pk: int) -> Response:
        checkpoint = self._found(pk)
        event_record(self.actor, "audit.view", facts={"checkpoint": [None, int(pk)]})
        return Response(proofs.checkpoint_signed(checkpoint))

    @extend_schema(
        summary="Prove that a checkpoint extends an earlier one",
        tags=["audit"],
        responses=ConsistencyProofSerializer,
        parameters=[
            OpenApiParameter(
                "since", int, description="Sequence of the earlier checkpoint; without it, the first one."
            )
        ],
    )
    @action(detail=True)
    def consistency(self, request: Request, pk: int) -> Response:
        checkpoint = self._found(pk)
        since = request.query_params.get("since", "0")
        if not since.isdecimal() or not since.isascii() or len(since) > 18:
            raise InvalidInput(
                "The earlier checkpoint is named by its sequence.", errors={"since": ["Not a number."]}
            )
        earlier = self._found(since)
        event_record(self.actor, "audit.view", facts={"consistency": [int(since), int(pk)]})
        return Response(proofs.consistency_proof(earlier, checkpoint))


class AuditProofViewSet(ApiViewSet):
    """What shows a third party that an event is in the signed log; check it with `deployhub-audit-verify`."""

    permissions = {"retrieve": "audit.view"}
    serializer_class = InclusionProofSerializer
    queryset = AuditEvent.objects.none()
    lookup_value_converter = "int"

    @extend_schema(summary="Prove that an event is in the log", tags=["audit"])
    def retrieve(self, request: Request, pk: int) -> Response:
        event = events_all().filter(pk=pk).first() if int(pk) < 2**63 else None
        if event is None:
            raise NotFound("There is no such event.")
        proof = proofs.inclusion_proof(event)
        event_record(self.actor, "audit.view", facts={"proof": [None, int(pk)]})
        return Response(proof)


class AuditKeyViewSet(ApiViewSet):
    """Every key that has signed the log, oldest first, with what each says of the one before it."""

    permissions = {"list": "audit.view"}
    serializer_class = SigningKeySerializer
    pagination_class = None  # type: ignore[assignment]
    queryset = AuditKey.objects.none()

    @extend_schema(summary="List the keys that signed the log", tags=["audit"], filters=False)
    def list(self, request: Request) -> Response:
        event_record(self.actor, "audit.view", facts={"keys": [None, "list"]})
        return Response(proofs.keys_all())

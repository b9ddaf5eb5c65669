"""Resets of second factors, for administrators."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts.api import NOT_REMEMBERED
from deployhub.accounts.filters import MfaResetFilterSet
from deployhub.accounts.models import MfaReset
from deployhub.accounts.selectors import resets as selectors
from deployhub.accounts.selectors import users_visible
from deployhub.accounts.serializers.people import (
    MfaResetCreate,
    MfaResetDoneSerializer,
    MfaResetSerializer,
)
from deployhub.accounts.services import resets as services
from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import InvalidInput

TAGS = ["users"]


@extend_schema_view(
    list=extend_schema(tags=TAGS, summary="List resets of second factors"),
    create=extend_schema(
        tags=TAGS,
        summary="Ask for the reset of a second factor",
        request=MfaResetCreate,
        responses={201: MfaResetSerializer},
    ),
    retrieve=extend_schema(tags=TAGS, summary="See a reset of a second factor"),
    confirm=extend_schema(
        tags=TAGS,
        summary="Confirm the reset of a second factor",
        request=None,
        responses=MfaResetDoneSerializer,
    ),
    decline=extend_schema(
        tags=TAGS, summary="Decline or withdraw the reset of a second factor", request=None
    ),
    stop=extend_schema(tags=["account"], summary="Stop the reset of my second factor", request=None),
)
class MfaResetViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "user.view",
        "create": "mfa.reset_request",
        "retrieve": "user.view",
        "confirm": "mfa.reset_confirm",
        "decline": "mfa.reset_decline",
        "stop": "mfa.reset_stop",
    }
    idempotent_actions = NOT_REMEMBERED
    queryset = MfaReset.objects.none()
    serializer_class = MfaResetSerializer
    filterset_class = MfaResetFilterSet
    sorts = ("created_at",)

    def list(self, request: Request) -> Response:
        """All of them, newest first."""
        return self.listed(selectors.mfa_resets_read(self.actor))

    def create(self, request: Request) -> Response:
        """Nothing changes before another administrator confirms it. No token may ask this, nor what follows."""
        body = self.body(MfaResetCreate)
        user = users_visible(self.actor).filter(pk=body["user"]).first()
        if user is None:
            raise InvalidInput("There is no such person.", errors={"user": ["Not found."]})
        reset = services.mfa_reset_request(actor=self.actor, user=user, reason=body["reason"])
        return Response(
            MfaResetSerializer(reset).data,
            status=201,
            headers={"Location": reverse("mfa-resets-detail", args=[reset.pk])},
        )

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of them."""
        return Response(MfaResetSerializer(selectors.mfa_reset_get(self.actor, pk)).data)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: UUID) -> Response:
        """Remove the person's second factors, sessions and tokens. Never by who asked, nor by the person."""
        reset = selectors.mfa_reset_get(self.actor, pk)
        _, password = services.mfa_reset_confirm(actor=self.actor, reset=reset)
        shown = {"reset": selectors.mfa_reset_get(self.actor, pk)}
        return Response(MfaResetDoneSerializer(shown, context={"one_time_password": password}).data)

    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: UUID) -> Response:
        """Say no to it, or take back what one asked for."""
        services.mfa_reset_decline(actor=self.actor, reset=selectors.mfa_reset_get(self.actor, pk))
        return Response(MfaResetSerializer(selectors.mfa_reset_get(self.actor, pk)).data)

    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: UUID) -> Response:
        """Stop the reset of one's own second factor: one has it, and did not ask."""
        reset = selectors.mfa_reset_own_get(self.actor, pk)
        return Response(MfaResetSerializer(services.mfa_reset_stop(actor=self.actor, reset=reset)).data)

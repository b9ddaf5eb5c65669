"""Who asks."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.serializers import (
    MeSerializer,
)
from deployhub.doors.api import ApiViewSet


class MeViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"retrieve": "account.view"}
    serializer_class = MeSerializer
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        operation_id="me_retrieve",
        tags=["account"],
        summary="Who am I",
        responses=MeSerializer,
        parameters=[],
    )
    def retrieve(self, request: Request) -> Response:
        """The account that asks, its roles, and the token that was sent."""
        user = selectors.account_get(self.actor)
        facts = {
            "second_factor": selectors.second_factor_is_on(user.pk),
            "memberships": selectors.memberships_own(self.actor),
            "token": request.auth,
        }
        return Response(MeSerializer(user, context=facts).data)

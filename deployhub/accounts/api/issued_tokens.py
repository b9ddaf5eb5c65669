"""All tokens of the installation, and tokens that were found elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.api import NOT_REMEMBERED
from deployhub.accounts.filters import IssuedTokenFilterSet
from deployhub.accounts.models import ApiToken
from deployhub.accounts.serializers import (
    IssuedTokenSerializer,
    LeakCheckedSerializer,
    LeakCheckSerializer,
    LeakReportedSerializer,
    LeakReportSerializer,
)
from deployhub.accounts.services.leaks import leak_check, leak_report
from deployhub.accounts.services.tokens import token_revoke_any
from deployhub.doors.api import ApiViewSet
from deployhub.doors.middleware import client_address
from deployhub.kernel.actor import ANONYMOUS, Door

THANKS = "Thank you. If it is a token of this installation, it is revoked now and its owner is told."


@extend_schema_view(
    list=extend_schema(tags=["users"], summary="List all tokens", responses=IssuedTokenSerializer(many=True)),
    retrieve=extend_schema(tags=["users"], summary="See anybody's token", responses=IssuedTokenSerializer),
    revoke=extend_schema(
        tags=["users"], summary="Revoke anybody's token", request=None, responses=IssuedTokenSerializer
    ),
    check=extend_schema(
        tags=["users"],
        summary="Look for tokens in a text",
        request=LeakCheckSerializer,
        responses=LeakCheckedSerializer,
    ),
)
class IssuedTokenViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "token.view_all",
        "retrieve": "token.view_all",
        "revoke": "token.revoke_any",
        "check": "token.check_leak",
    }
    queryset = ApiToken.objects.none()
    serializer_class = IssuedTokenSerializer
    filterset_class = IssuedTokenFilterSet
    sorts = ("label", "expires_at", "created_at")

    def _face(self, token: ApiToken) -> Any:
        return IssuedTokenSerializer(selectors.token_issued_get(self.actor, token.pk)).data

    def list(self, request: Request) -> Response:
        """All tokens of the installation, newest first; never their text. No token may ask this."""
        return self.listed(selectors.tokens_issued_read(self.actor))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Anybody's token, without its text."""
        return Response(self._face(selectors.token_issued_get(self.actor, pk)))

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End anybody's token: its next request is refused."""
        token = token_revoke_any(actor=self.actor, token=selectors.token_issued_get(self.actor, pk))
        return Response(self._face(token))

    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def check(self, request: Request) -> Response:
        """Find tokens of this installation in a text, say which could still be used, and revoke those."""
        found = leak_check(actor=self.actor, **self.body(LeakCheckSerializer))
        return Response(LeakCheckedSerializer({"found": found}).data)


class LeakReportViewSet(ApiViewSet):
    public = True
    idempotent_actions = NOT_REMEMBERED
    authentication_classes = ()
    serializer_class = LeakReportedSerializer
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        operation_id="leak_report",
        tags=["account"],
        summary="Report a token that was found",
        auth=[],
        request=LeakReportSerializer,
        responses={202: LeakReportedSerializer},
    )
    def create(self, request: Request) -> Response:
        """For anybody, without signing in. The answer is the same whatever was sent; who sends much is slowed down."""
        body = self.body(LeakReportSerializer)
        finder = replace(
            ANONYMOUS,
            door=Door.API,
            address=client_address(request._request),
            user_agent=request.headers.get("User-Agent", ""),
            request_id=getattr(request._request, "request_id", ""),
        )
        leak_report(actor=finder, text=body["text"])
        return Response({"detail": THANKS}, status=202)

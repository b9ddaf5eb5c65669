"""The own API tokens."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.api import NOT_REMEMBERED
from deployhub.accounts.filters import TokenFilterSet
from deployhub.accounts.models import ApiToken
from deployhub.accounts.serializers import (
    TokenCreateSerializer,
    TokenMadeSerializer,
    TokenSerializer,
)
from deployhub.accounts.services.tokens import token_create, token_revoke
from deployhub.doors.api import ApiViewSet


@extend_schema_view(
    list=extend_schema(tags=["account"], summary="List my tokens", responses=TokenSerializer(many=True)),
    create=extend_schema(
        tags=["account"],
        summary="Make a token",
        request=TokenCreateSerializer,
        responses={201: TokenMadeSerializer},
    ),
    retrieve=extend_schema(tags=["account"], summary="See one of my tokens", responses=TokenSerializer),
    revoke=extend_schema(
        tags=["account"], summary="Revoke one of my tokens", request=None, responses=TokenSerializer
    ),
)
class TokenViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "token.view",
        "create": "token.create",
        "retrieve": "token.view",
        "revoke": "token.revoke",
    }
    idempotent_actions = NOT_REMEMBERED
    queryset = ApiToken.objects.none()
    serializer_class = TokenSerializer
    filterset_class = TokenFilterSet
    sorts = ("label", "expires_at", "created_at")

    def list(self, request: Request) -> Response:
        """My tokens, newest first. No token may ask this: tokens are looked after at the browser."""
        return self.listed(selectors.tokens_visible(self.actor))

    def create(self, request: Request) -> Response:
        """Make a token. Only a browser session may: a token that leaks must not be able to make another."""
        body = self.body(TokenCreateSerializer)
        token, text = token_create(actor=self.actor, user=selectors.account_get(self.actor), **body)
        answer = TokenMadeSerializer(token, context={"token_text": text}).data
        return Response(answer, status=201, headers={"Location": reverse("tokens-detail", args=[token.pk])})

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of my tokens, without its text."""
        return Response(TokenSerializer(selectors.token_get(self.actor, pk)).data)

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a token: its next request is refused."""
        token = token_revoke(actor=self.actor, token=selectors.token_get(self.actor, pk))
        return Response(TokenSerializer(token).data)

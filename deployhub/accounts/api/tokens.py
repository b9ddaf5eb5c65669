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
    TokenRotateSerializer,
    TokenSerializer,
)
from deployhub.accounts.services.tokens import token_create, token_revoke, token_rotate, token_rotate_itself
from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import Conflict


@extend_schema_view(
    list=extend_schema(tags=["account"], summary="List my tokens", responses=TokenSerializer(many=True)),
    create=extend_schema(
        tags=["account"],
        summary="Make a token",
        request=TokenCreateSerializer,
        responses={201: TokenMadeSerializer},
    ),
    retrieve=extend_schema(tags=["account"], summary="See one of my tokens", responses=TokenSerializer),
    rotate=extend_schema(
        tags=["account"],
        summary="Replace one of my tokens by a successor",
        request=TokenRotateSerializer,
        responses={201: TokenMadeSerializer},
    ),
    revoke=extend_schema(
        tags=["account"], summary="Revoke one of my tokens", request=None, responses=TokenSerializer
    ),
)
class TokenViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "token.view",
        "create": "token.create",
        "retrieve": "token.view",
        "rotate": "token.rotate",
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
        return made(token, text, address=reverse("tokens-detail", args=[token.pk]))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of my tokens, without its text."""
        return Response(TokenSerializer(selectors.token_get(self.actor, pk)).data)

    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: UUID) -> Response:
        """Make a successor with the same rights and life. The old token works on for the overlap, then it ends."""
        old = selectors.token_get(self.actor, pk)
        token, text = token_rotate(actor=self.actor, token=old, **self.body(TokenRotateSerializer))
        return made(token, text, address=reverse("tokens-detail", args=[token.pk]))

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a token: its next request is refused."""
        token = token_revoke(actor=self.actor, token=selectors.token_get(self.actor, pk))
        return Response(TokenSerializer(token).data)


def made(token: ApiToken, text: str, *, address: str = "") -> Response:
    """The one answer that holds the token's text."""
    answer = TokenMadeSerializer(token, context={"token_text": text}).data
    return Response(answer, status=201, headers={"Location": address} if address else None)


class OwnTokenViewSet(ApiViewSet):
    """The very token that was sent."""

    permissions: ClassVar[dict[str, str]] = {"rotate": "token.rotate_itself"}
    idempotent_actions = NOT_REMEMBERED
    serializer_class = TokenMadeSerializer
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        operation_id="me_token_rotate",
        tags=["account"],
        summary="Replace the token that asks",
        request=TokenRotateSerializer,
        responses={201: TokenMadeSerializer},
    )
    def rotate(self, request: Request) -> Response:
        """A service account's token makes its own successor, where a person allowed it when the token was made.

        Same rights, same life, and for at most a year after a person last had a hand in it.
        """
        body = self.body(TokenRotateSerializer)
        if not isinstance(request.auth, ApiToken):
            raise Conflict("No token was sent.", hint="This is for a token of a service account.")
        return made(*token_rotate_itself(actor=self.actor, token=request.auth, **body))

"""API nouns: me, tokens, users."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.filters import TokenFilterSet, UserFilterSet
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.serializers import (
    MeSerializer,
    TokenCreateSerializer,
    TokenMadeSerializer,
    TokenSerializer,
    UserCreateSerializer,
    UserPasswordSerializer,
    UserSerializer,
    UserUpdateSerializer,
)
from deployhub.accounts.services.tokens import token_create, token_revoke
from deployhub.accounts.services.users import (
    user_activate,
    user_create,
    user_deactivate,
    user_reset,
    user_update,
)
from deployhub.doors.api import ApiViewSet

NOT_REMEMBERED: frozenset[str] = frozenset()
"""An answer that holds a secret is not kept for its Idempotency-Key: a dump of the database would hold it."""


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


@extend_schema_view(
    list=extend_schema(tags=["users"], summary="List accounts", responses=UserSerializer(many=True)),
    create=extend_schema(
        tags=["users"],
        summary="Create an account",
        request=UserCreateSerializer,
        responses={201: UserPasswordSerializer},
    ),
    retrieve=extend_schema(tags=["users"], summary="See an account", responses=UserSerializer),
    partial_update=extend_schema(
        tags=["users"], summary="Change an account", request=UserUpdateSerializer, responses=UserSerializer
    ),
    deactivate=extend_schema(
        tags=["users"], summary="Deactivate an account", request=None, responses=UserSerializer
    ),
    activate=extend_schema(
        tags=["users"], summary="Activate an account again", request=None, responses=UserSerializer
    ),
    reset=extend_schema(
        tags=["users"],
        summary="Reset password and second factor",
        request=None,
        responses=UserPasswordSerializer,
    ),
)
class UserViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "user.view",
        "create": "user.create",
        "retrieve": "user.view",
        "partial_update": "user.update",
        "deactivate": "user.deactivate",
        "activate": "user.activate",
        "reset": "user.reset",
    }
    idempotent_actions = NOT_REMEMBERED
    queryset = User.objects.none()
    serializer_class = UserSerializer
    filterset_class = UserFilterSet
    sorts = ("username", "created_at")

    def _face(self, user: User) -> Any:
        return UserSerializer(selectors.user_get(self.actor, user.pk)).data

    def _face_with_password(self, user: User, password: str) -> Any:
        shown = selectors.user_get(self.actor, user.pk)
        return UserPasswordSerializer(shown, context={"one_time_password": password}).data

    def list(self, request: Request) -> Response:
        """All accounts, newest first."""
        return self.listed(selectors.users_read(self.actor))

    def create(self, request: Request) -> Response:
        """Create an account. The answer holds its one-time password, which is shown this once."""
        user, password = user_create(actor=self.actor, **self.body(UserCreateSerializer))
        location = reverse("users-detail", args=[user.pk])
        return Response(self._face_with_password(user, password), status=201, headers={"Location": location})

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One account."""
        return Response(UserSerializer(selectors.user_read(self.actor, pk)).data)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change name, address or global roles. The last active administrator stays one."""
        body = self.body(UserUpdateSerializer)
        return Response(
            self._face(user_update(actor=self.actor, user=selectors.user_get(self.actor, pk), **body))
        )

    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: UUID) -> Response:
        """Close an account. Sessions and tokens end with the next request."""
        return Response(
            self._face(user_deactivate(actor=self.actor, user=selectors.user_get(self.actor, pk)))
        )

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: UUID) -> Response:
        """Open a closed account again. Earlier sessions and tokens stay ended."""
        return Response(self._face(user_activate(actor=self.actor, user=selectors.user_get(self.actor, pk))))

    @action(detail=True, methods=["post"])
    def reset(self, request: Request, pk: UUID) -> Response:
        """New one-time password; second factor, sessions and tokens end."""
        user, password = user_reset(actor=self.actor, user=selectors.user_get(self.actor, pk))
        return Response(self._face_with_password(user, password))

"""Accounts, for administrators and auditors."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.api import NOT_REMEMBERED
from deployhub.accounts.filters import UserFilterSet
from deployhub.accounts.models import User
from deployhub.accounts.selectors.sessions import user_session_get, user_sessions
from deployhub.accounts.serializers import (
    TokenSerializer,
    TokenWaiveSerializer,
    UserCreateSerializer,
    UserPasswordSerializer,
    UserSerializer,
    UserUpdateSerializer,
)
from deployhub.accounts.serializers.people import UserDeactivateSerializer
from deployhub.accounts.serializers.sessions import SessionsEndedSerializer, SessionSerializer
from deployhub.accounts.services.sessions import user_session_revoke, user_sessions_revoke
from deployhub.accounts.services.tokens import token_step_up_waive
from deployhub.accounts.services.unlock import user_unlock
from deployhub.accounts.services.users import (
    user_activate,
    user_create,
    user_deactivate,
    user_reset,
    user_update,
)
from deployhub.doors.api import ApiViewSet


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
        tags=["users"],
        summary="Deactivate an account",
        request=UserDeactivateSerializer,
        responses=UserSerializer,
    ),
    activate=extend_schema(
        tags=["users"], summary="Activate an account again", request=None, responses=UserSerializer
    ),
    waive_step_up=extend_schema(
        tags=["users"],
        summary="Waive the step-up for a person's token",
        request=TokenWaiveSerializer,
        responses=TokenSerializer,
    ),
    reset=extend_schema(
        tags=["users"],
        summary="Reset the password",
        request=None,
        responses=UserPasswordSerializer,
    ),
    unlock=extend_schema(
        tags=["users"], summary="Forget failed sign-ins", request=None, responses=UserSerializer
    ),
    sessions=extend_schema(
        tags=["users"], summary="List an account's sessions", responses=SessionSerializer(many=True)
    ),
    end_sessions=extend_schema(
        tags=["users"], summary="End an account's sessions", request=None, responses=SessionsEndedSerializer
    ),
    end_session=extend_schema(
        operation_id="users_session_revoke",
        tags=["users"],
        summary="End one session of an account",
        request=None,
        responses=SessionSerializer,
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
        "unlock": "user.unlock",
        "sessions": "user.view",
        "end_sessions": "user.session_revoke",
        "end_session": "user.session_revoke",
        "waive_step_up": "token.waive_step_up",
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
        """Close an account. Sessions and tokens end with the next request.

        Each project that the person alone owns needs a successor; without one the answer is 409 with the projects.
        """
        named = self.body(UserDeactivateSerializer)["successors"]
        user = user_deactivate(
            actor=self.actor,
            user=selectors.user_get(self.actor, pk),
            successors={entry["project_id"]: entry["username"] for entry in named},
        )
        return Response(self._face(user))

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: UUID) -> Response:
        """Open a closed account again. Earlier sessions and tokens stay ended."""
        return Response(self._face(user_activate(actor=self.actor, user=selectors.user_get(self.actor, pk))))

    @action(detail=True, methods=["post"])
    def reset(self, request: Request, pk: UUID) -> Response:
        """New one-time password; sessions and tokens end. The second factor stays: see mfa-resets for a lost one."""
        user, password = user_reset(actor=self.actor, user=selectors.user_get(self.actor, pk))
        return Response(self._face_with_password(user, password))

    @action(
        detail=True,
        methods=["post"],
        url_path="tokens/<uuid:token_id>/waive-step-up",
        url_name="waive-step-up",
    )
    def waive_step_up(self, request: Request, pk: UUID, token_id: UUID) -> Response:
        """Let a person's token act where a fresh second factor is asked for, or take that back."""
        waived = self.body(TokenWaiveSerializer)["waived"]
        token = selectors.token_of_person_get(self.actor, pk, token_id)
        return Response(
            TokenSerializer(token_step_up_waive(actor=self.actor, token=token, waived=waived)).data
        )

    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, pk: UUID) -> Response:
        """Let somebody try again at once who failed to sign in too often."""
        user = selectors.user_get(self.actor, pk)
        user_unlock(actor=self.actor, user=user)
        return Response(self._face(user))

    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def sessions(self, request: Request, pk: UUID) -> Response:
        """Where this person is, and lately was, signed in: the newest fifty."""
        rows = user_sessions(self.actor, selectors.user_read(self.actor, pk))[:50]
        return Response(SessionSerializer(rows, many=True).data)

    @action(detail=True, methods=["post"], url_path="sessions/revoke")
    def end_sessions(self, request: Request, pk: UUID) -> Response:
        """End every session of this person: their next requests are not signed in any more."""
        count = user_sessions_revoke(actor=self.actor, user=selectors.user_get(self.actor, pk))
        return Response({"ended": count})

    @action(
        detail=True,
        methods=["post"],
        url_path="sessions/<uuid:session_id>/revoke",
        url_name="session-revoke",
    )
    def end_session(self, request: Request, pk: UUID, session_id: UUID) -> Response:
        """End one session of this person: its next request is not signed in any more."""
        user = selectors.user_get(self.actor, pk)
        session = user_session_get(self.actor, user, session_id)
        user_session_revoke(actor=self.actor, user=user, session=session)
        return Response(SessionSerializer(user_session_get(self.actor, user, session_id)).data)

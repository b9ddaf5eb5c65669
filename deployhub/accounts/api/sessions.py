"""The own sessions."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts.filters import SessionFilterSet
from deployhub.accounts.models import UserSession
from deployhub.accounts.selectors import account_get
from deployhub.accounts.selectors.sessions import session_get, sessions_own
from deployhub.accounts.serializers.sessions import SessionsEndedSerializer, SessionSerializer
from deployhub.accounts.services.sessions import session_revoke, sessions_revoke_others
from deployhub.doors.api import ApiViewSet


@extend_schema_view(
    list=extend_schema(tags=["account"], summary="List my sessions", responses=SessionSerializer(many=True)),
    retrieve=extend_schema(tags=["account"], summary="See one of my sessions", responses=SessionSerializer),
    revoke=extend_schema(
        tags=["account"], summary="End one of my sessions", request=None, responses=SessionSerializer
    ),
    revoke_others=extend_schema(
        tags=["account"], summary="End my other sessions", request=None, responses=SessionsEndedSerializer
    ),
)
class SessionViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "session.view",
        "retrieve": "session.view",
        "revoke": "session.revoke",
        "revoke_others": "session.revoke",
    }
    queryset = UserSession.objects.none()
    serializer_class = SessionSerializer
    filterset_class = SessionFilterSet
    sorts = ("created_at", "last_seen_at")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "session_id": self.actor.session_id}

    def _face(self, pk: UUID) -> Any:
        return self.get_serializer(session_get(self.actor, pk)).data

    def list(self, request: Request) -> Response:
        """My sessions, newest first. No token may ask this: sessions are looked after at the browser."""
        return self.listed(sessions_own(self.actor))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of my sessions."""
        return Response(self._face(pk))

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a session: its next request is not signed in any more."""
        session_revoke(actor=self.actor, session=session_get(self.actor, pk))
        return Response(self._face(pk))

    @action(
        detail=False, methods=["post"], url_path="revoke-others", pagination_class=None, filterset_class=None
    )
    def revoke_others(self, request: Request) -> Response:
        """End all of my sessions but the one that asks."""
        count = sessions_revoke_others(actor=self.actor, user=account_get(self.actor))
        return Response({"ended": count})

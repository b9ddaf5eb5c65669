"""Service accounts and their tokens."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.api.tokens import made
from deployhub.accounts.filters import ServiceAccountFilterSet
from deployhub.accounts.models import ServiceAccount
from deployhub.accounts.serializers import (
    ServiceAccountCreateSerializer,
    ServiceAccountSerializer,
    ServiceAccountUpdateSerializer,
    ServiceTokenCreateSerializer,
    TokenMadeSerializer,
    TokenRotateSerializer,
    TokenSerializer,
)
from deployhub.accounts.services import service_accounts as services
from deployhub.doors.api import ApiViewSet

TAGS = ["service accounts"]


@extend_schema_view(
    list=extend_schema(
        tags=TAGS, summary="List service accounts", responses=ServiceAccountSerializer(many=True)
    ),
    create=extend_schema(
        tags=TAGS,
        summary="Create a service account",
        request=ServiceAccountCreateSerializer,
        responses={201: ServiceAccountSerializer},
    ),
    retrieve=extend_schema(tags=TAGS, summary="See a service account", responses=ServiceAccountSerializer),
    partial_update=extend_schema(
        tags=TAGS,
        summary="Describe a service account, or hand it over",
        request=ServiceAccountUpdateSerializer,
        responses=ServiceAccountSerializer,
    ),
    deactivate=extend_schema(
        tags=TAGS, summary="Deactivate a service account", request=None, responses=ServiceAccountSerializer
    ),
    activate=extend_schema(
        tags=TAGS, summary="Activate it again", request=None, responses=ServiceAccountSerializer
    ),
)
class ServiceAccountViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "service.view",
        "create": "service.create",
        "retrieve": "service.view",
        "partial_update": "service.update",
        "deactivate": "service.deactivate",
        "activate": "service.activate",
        "tokens": "service.view",
        "token_issue": "token.issue",
        "token_rotate": "token.issue",
        "token_revoke": "token.withdraw",
    }
    queryset = ServiceAccount.objects.none()
    serializer_class = ServiceAccountSerializer
    filterset_class = ServiceAccountFilterSet
    sorts = ("created_at",)

    def _service(self, pk: UUID) -> ServiceAccount:
        return selectors.service_account_get(self.actor, pk)

    def _face(self, service: ServiceAccount) -> Any:
        return ServiceAccountSerializer(self._service(service.pk)).data

    def list(self, request: Request) -> Response:
        """Service accounts of the projects that one may see, newest first."""
        return self.listed(selectors.service_accounts_read(self.actor))

    def create(self, request: Request) -> Response:
        """Create one with a role in its project. It has no password and comes in by token alone."""
        body = dict(self.body(ServiceAccountCreateSerializer))
        project = selectors.project_for_service(self.actor, body.pop("project_id"))
        service = services.service_create(actor=self.actor, project=project, **body)
        location = reverse("service-accounts-detail", args=[service.pk])
        return Response(self._face(service), status=201, headers={"Location": location})

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One service account."""
        return Response(ServiceAccountSerializer(selectors.service_account_read(self.actor, pk)).data)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Say what it is for, or hand over who answers for it."""
        body = self.body(ServiceAccountUpdateSerializer)
        return Response(
            self._face(services.service_update(actor=self.actor, service=self._service(pk), **body))
        )

    @action(detail=True, methods=["post"])
    def deactivate(self, request: Request, pk: UUID) -> Response:
        """Close it. Its tokens end with the next request."""
        return Response(self._face(services.service_deactivate(actor=self.actor, service=self._service(pk))))

    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: UUID) -> Response:
        """Open it again. Earlier tokens stay ended."""
        return Response(self._face(services.service_activate(actor=self.actor, service=self._service(pk))))

    @extend_schema(
        tags=TAGS,
        summary="List its tokens",
        operation_id="service_accounts_tokens_list",
        responses=TokenSerializer(many=True),
    )
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def tokens(self, request: Request, pk: UUID) -> Response:
        """Its tokens, newest first, without their text."""
        rows = selectors.service_tokens(selectors.service_account_read(self.actor, pk))
        return Response(TokenSerializer(rows, many=True).data)

    @extend_schema(
        tags=TAGS,
        summary="Make a token for it",
        operation_id="service_accounts_tokens_create",
        request=ServiceTokenCreateSerializer,
        responses={201: TokenMadeSerializer},
    )
    @tokens.mapping.post
    def token_issue(self, request: Request, pk: UUID) -> Response:
        """Make a token. Only a browser session of an owner or administrator may."""
        body = self.body(ServiceTokenCreateSerializer)
        return made(*services.service_token_issue(actor=self.actor, service=self._service(pk), **body))

    @extend_schema(
        tags=TAGS,
        summary="Replace a token of it by a successor",
        request=TokenRotateSerializer,
        responses={201: TokenMadeSerializer},
    )
    @action(detail=True, methods=["post"], url_path="tokens/<uuid:token_id>/rotate")
    def token_rotate(self, request: Request, pk: UUID, token_id: UUID) -> Response:
        """Make a successor with the same rights and life. The old token works on for the overlap, then it ends."""
        service = self._service(pk)
        old = selectors.service_token_get(service, token_id)
        body = self.body(TokenRotateSerializer)
        return made(*services.service_token_rotate(actor=self.actor, service=service, token=old, **body))

    @extend_schema(tags=TAGS, summary="Revoke a token of it", request=None, responses=TokenSerializer)
    @action(detail=True, methods=["post"], url_path="tokens/<uuid:token_id>/revoke")
    def token_revoke(self, request: Request, pk: UUID, token_id: UUID) -> Response:
        """End a token of it: its next request is refused."""
        service = self._service(pk)
        token = selectors.service_token_get(service, token_id)
        services.service_token_withdraw(actor=self.actor, service=service, token=token)
        return Response(TokenSerializer(selectors.service_token_get(service, token_id)).data)

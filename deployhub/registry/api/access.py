"""Roles, requests for access and for aliases, and what a person can reach, in the API."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.access.models import AccessRequest, CustomRole
from deployhub.access.vocab import PERMISSIONS, ROLE_DESCRIPTIONS, ROLE_PERMISSIONS, Role
from deployhub.accounts.models import User
from deployhub.accounts.selectors import user_get
from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import InvalidInput
from deployhub.registry import selectors
from deployhub.registry.filters import AccessRequestFilter, AliasRequestFilter, CustomRoleFilter
from deployhub.registry.models import AliasRequest
from deployhub.registry.reach import person_reaches
from deployhub.registry.serializers.access import (
    AccessApproval,
    AccessRequestCreate,
    AccessRequestSerializer,
    AliasRequestCreate,
    AliasRequestSerializer,
    Approval,
    CustomRoleCreate,
    CustomRoleSerializer,
    CustomRoleUpdate,
    ReachedSerializer,
    Refusal,
    RoleSerializer,
)
from deployhub.registry.services import access_requests, approvals, roles


@extend_schema(tags=["roles"])
class RoleViewSet(ApiViewSet):
    """The built-in roles."""

    permissions: ClassVar[dict[str, str]] = {"list": "docs.view"}
    serializer_class = RoleSerializer
    pagination_class = None  # type: ignore[assignment]
    queryset = CustomRole.objects.none()

    @extend_schema(summary="Built-in roles, and what they may do", filters=False)
    def list(self, request: Request) -> Response:
        rows = [
            {
                "key": role,
                "name": Role(role).label,
                "description": ROLE_DESCRIPTIONS[role],
                "permissions": [code for code in PERMISSIONS if code in ROLE_PERMISSIONS[role]],
            }
            for role in Role.values
        ]
        return Response(RoleSerializer(rows, many=True).data)


@extend_schema(tags=["roles"])
class CustomRoleViewSet(ApiViewSet):
    """The roles that a project made for itself."""

    permissions: ClassVar[dict[str, str]] = {
        "list": "project.view",
        "create": "role.define",
        "partial_update": "role.define",
        "destroy": "role.define",
    }
    serializer_class = CustomRoleSerializer
    filterset_class = CustomRoleFilter
    queryset = CustomRole.objects.none()

    @extend_schema(summary="A project's own roles")
    def list(self, request: Request, project_id: UUID) -> Response:
        return self.listed(selectors.custom_roles_of(selectors.project_read(self.actor, project_id)))

    @extend_schema(summary="Make a role", request=CustomRoleCreate, responses={201: CustomRoleSerializer})
    def create(self, request: Request, project_id: UUID) -> Response:
        project = selectors.project_get(self.actor, project_id)
        role = roles.custom_role_create(actor=self.actor, project=project, **self.body(CustomRoleCreate))
        return Response(
            self.get_serializer(role).data,
            status=201,
            headers={"Location": reverse("custom-role-detail", args=[project.pk, role.pk])},
        )

    @extend_schema(summary="Change a role", request=CustomRoleUpdate)
    def partial_update(self, request: Request, project_id: UUID, pk: UUID) -> Response:
        role = self._role(project_id, pk)
        roles.custom_role_update(actor=self.actor, role=role, **self.body(CustomRoleUpdate))
        return Response(self.get_serializer(self._role(project_id, pk)).data)

    @extend_schema(summary="Take a role away", request=None, responses={204: None})
    def destroy(self, request: Request, project_id: UUID, pk: UUID) -> Response:
        roles.custom_role_delete(actor=self.actor, role=self._role(project_id, pk))
        return Response(status=204)

    def _role(self, project_id: UUID, pk: UUID) -> CustomRole:
        return selectors.custom_role_get(selectors.project_get(self.actor, project_id), pk)


@extend_schema(tags=["access"])
class AccessRequestViewSet(ApiViewSet):
    """One's own requests for access."""

    permissions: ClassVar[dict[str, str]] = {
        "list": "access.view",
        "create": "access.request",
        "retrieve": "access.view",
        "withdraw": "access.withdraw",
    }
    serializer_class = AccessRequestSerializer
    filterset_class = AccessRequestFilter
    queryset = AccessRequest.objects.none()

    @extend_schema(summary="Own requests for access")
    def list(self, request: Request) -> Response:
        return self.listed(selectors.access_requests_own(self.actor))

    @extend_schema(
        summary="Ask for a role in a project",
        description="The answer is the same whether or not there is a project of this short name.",
        request=AccessRequestCreate,
        responses={201: AccessRequestSerializer},
    )
    def create(self, request: Request) -> Response:
        made = access_requests.access_request_create(actor=self.actor, **self.body(AccessRequestCreate))
        return Response(
            self.get_serializer(made).data,
            status=201,
            headers={"Location": reverse("access-request-detail", args=[made.pk])},
        )

    @extend_schema(summary="An own request for access")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(self.get_serializer(selectors.access_request_own_get(self.actor, pk)).data)

    @extend_schema(summary="Withdraw a request for access", request=None)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        asked = selectors.access_request_own_get(self.actor, pk)
        access_requests.access_request_withdraw(actor=self.actor, request=asked)
        return Response(self.get_serializer(asked).data)


@extend_schema(tags=["access"])
class AccessDecisionViewSet(ApiViewSet):
    """Requests for access to one project, for those who decide."""

    permissions: ClassVar[dict[str, str]] = {
        "list": "reach.view",
        "approve": "access.decide",
        "decline": "access.decide",
    }
    serializer_class = AccessRequestSerializer
    filterset_class = AccessRequestFilter
    queryset = AccessRequest.objects.none()

    @extend_schema(summary="Requests for access to a project")
    def list(self, request: Request, project_id: UUID) -> Response:
        project = selectors.project_get(self.actor, project_id)
        return self.listed(selectors.access_requests_of(project))

    @extend_schema(summary="Approve a request for access", request=AccessApproval)
    def approve(self, request: Request, project_id: UUID, pk: UUID) -> Response:
        asked = self._asked(project_id, pk)
        access_requests.access_request_approve(actor=self.actor, request=asked, **self.body(AccessApproval))
        return Response(self.get_serializer(asked).data)

    @extend_schema(summary="Decline a request for access", request=Refusal)
    def decline(self, request: Request, project_id: UUID, pk: UUID) -> Response:
        asked = self._asked(project_id, pk)
        access_requests.access_request_decline(actor=self.actor, request=asked, **self.body(Refusal))
        return Response(self.get_serializer(asked).data)

    def _asked(self, project_id: UUID, pk: UUID) -> AccessRequest:
        return selectors.access_request_get(selectors.project_get(self.actor, project_id), pk)


@extend_schema(tags=["models"])
class AliasRequestViewSet(ApiViewSet):
    """Requests that the production alias points at a version: a second person decides."""

    permissions: ClassVar[dict[str, str]] = {
        "list": "model.view",
        "create": "alias.request",
        "retrieve": "model.view",
        "approve": "alias.approve",
        "decline": "alias.approve",
        "withdraw": "alias.request",
    }
    serializer_class = AliasRequestSerializer
    filterset_class = AliasRequestFilter
    queryset = AliasRequest.objects.none()

    @extend_schema(summary="Requests for aliases")
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "model.view")
        return self.listed(selectors.alias_requests_visible(self.actor))

    @extend_schema(
        summary="Ask for the production alias",
        request=AliasRequestCreate,
        responses={201: AliasRequestSerializer},
    )
    def create(self, request: Request) -> Response:
        body = self.body(AliasRequestCreate)
        version = selectors.versions_visible(self.actor).filter(pk=body.pop("version")).first()
        if version is None:
            raise InvalidInput("There is no such version.", errors={"version": ["Not found."]})
        made = approvals.alias_request_create(actor=self.actor, model=version.model, version=version, **body)
        return Response(
            self.get_serializer(made).data,
            status=201,
            headers={"Location": reverse("alias-request-detail", args=[made.pk])},
        )

    @extend_schema(summary="A request for an alias")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        asked = selectors.alias_request_get(self.actor, pk)
        selectors.model_read(self.actor, asked.model_id)
        return Response(self.get_serializer(asked).data)

    @extend_schema(summary="Approve a request for an alias", request=Approval)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: UUID) -> Response:
        return self._decided(approvals.alias_request_approve, pk, **self.body(Approval))

    @extend_schema(summary="Decline a request for an alias", request=Refusal)
    @action(detail=True, methods=["post"])
    def decline(self, request: Request, pk: UUID) -> Response:
        return self._decided(approvals.alias_request_decline, pk, **self.body(Refusal))

    @extend_schema(summary="Withdraw a request for an alias", request=None)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        return self._decided(approvals.alias_request_withdraw, pk)

    def _decided(self, decide: Any, pk: UUID, **body: Any) -> Response:
        asked = selectors.alias_request_get(self.actor, pk)
        decide(actor=self.actor, request=asked, **body)
        return Response(self.get_serializer(selectors.alias_request_get(self.actor, pk)).data)


@extend_schema(tags=["users"])
class PersonReachViewSet(ApiViewSet):
    """What a person can reach."""

    permissions: ClassVar[dict[str, str]] = {"list": "user.view"}
    serializer_class = ReachedSerializer
    pagination_class = None  # type: ignore[assignment]
    queryset = User.objects.none()

    @extend_schema(summary="What a person can reach", filters=False)
    def list(self, request: Request, user_id: UUID) -> Response:
        rows = person_reaches(self.actor, user_get(self.actor, user_id))
        return Response(ReachedSerializer(rows, many=True).data)

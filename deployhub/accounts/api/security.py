"""The security policy."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts import selectors
from deployhub.accounts.models import SecurityPolicy
from deployhub.accounts.serializers.security import (
    MfaDemandSerializer,
    MfaReachSerializer,
    SecurityPolicySerializer,
    SecurityPolicyUpdateSerializer,
)
from deployhub.accounts.services.security import security_update
from deployhub.doors.api import ApiViewSet


class SecurityPolicyViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "retrieve": "security.view",
        "partial_update": "security.update",
        "preview": "security.view",
    }
    queryset = SecurityPolicy.objects.none()
    serializer_class = SecurityPolicySerializer
    pagination_class = None  # type: ignore[assignment]

    @extend_schema(
        operation_id="security_policy_retrieve",
        tags=["users"],
        summary="See the security policy",
        responses=SecurityPolicySerializer,
    )
    def retrieve(self, request: Request) -> Response:
        """What the installation demands of everybody who signs in."""
        return Response(SecurityPolicySerializer(selectors.security_policy_read(self.actor)).data)

    @extend_schema(
        operation_id="security_policy_update",
        tags=["users"],
        summary="Change the security policy",
        request=SecurityPolicyUpdateSerializer,
        responses=SecurityPolicySerializer,
    )
    def partial_update(self, request: Request) -> Response:
        """Change what is given; what is left out stays. It acts on the next request of everybody."""
        policy = security_update(actor=self.actor, **self.body(SecurityPolicyUpdateSerializer))
        return Response(SecurityPolicySerializer(policy).data)

    @extend_schema(
        operation_id="security_policy_preview",
        tags=["users"],
        summary="Whom a demand would reach",
        request=MfaDemandSerializer,
        responses=MfaReachSerializer,
    )
    def preview(self, request: Request) -> Response:
        """How many people a demand for a second factor would reach; nothing is changed."""
        body = self.body(MfaDemandSerializer)
        reach = selectors.mfa_reach(for_all=body["mfa_required_for_all"], roles=body["mfa_required_roles"])
        return Response(MfaReachSerializer(reach).data)

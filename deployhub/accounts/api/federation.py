"""Single sign-on: identity providers, what their groups give, and one's own identities."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts.models import FederatedIdentity, IdentityProvider
from deployhub.accounts.selectors import federation as selectors
from deployhub.accounts.serializers.federation import (
    GroupMappingCreateSerializer,
    GroupMappingSerializer,
    IdentityProviderCreateSerializer,
    IdentityProviderSerializer,
    IdentityProviderUpdateSerializer,
    IdentitySerializer,
    ProviderFindingsSerializer,
)
from deployhub.accounts.services.single_sign_on import providers as services
from deployhub.accounts.services.single_sign_on.accounts import identity_unlink
from deployhub.accounts.services.single_sign_on.discovery import identity_provider_test
from deployhub.doors.api import ApiViewSet

TAGS = ["single sign-on"]


@extend_schema_view(
    list=extend_schema(
        tags=TAGS, summary="List identity providers", responses=IdentityProviderSerializer(many=True)
    ),
    create=extend_schema(
        tags=TAGS,
        summary="Add an identity provider",
        request=IdentityProviderCreateSerializer,
        responses={201: IdentityProviderSerializer},
    ),
    retrieve=extend_schema(
        tags=TAGS, summary="See an identity provider", responses=IdentityProviderSerializer
    ),
    partial_update=extend_schema(
        tags=TAGS,
        summary="Change an identity provider",
        request=IdentityProviderUpdateSerializer,
        responses=IdentityProviderSerializer,
    ),
    destroy=extend_schema(tags=TAGS, summary="Remove an identity provider", responses={204: None}),
)
class IdentityProviderViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "identity_provider.view",
        "create": "identity_provider.create",
        "retrieve": "identity_provider.view",
        "partial_update": "identity_provider.update",
        "destroy": "identity_provider.remove",
        "test": "identity_provider.test",
        "mappings": "identity_provider.view",
        "mapping_create": "group_mapping.create",
        "mapping_remove": "group_mapping.remove",
    }
    queryset = IdentityProvider.objects.none()
    serializer_class = IdentityProviderSerializer
    pagination_class = None  # type: ignore[assignment]

    def list(self, request: Request) -> Response:
        """All of them, by name; there are at most ten."""
        return Response(IdentityProviderSerializer(selectors.providers_read(self.actor), many=True).data)

    def create(self, request: Request) -> Response:
        """Add an OpenID provider. Only a browser session of an administrator may."""
        provider = services.identity_provider_create(
            actor=self.actor, **self.body(IdentityProviderCreateSerializer)
        )
        location = reverse("identity-providers-detail", args=[provider.pk])
        return Response(IdentityProviderSerializer(provider).data, status=201, headers={"Location": location})

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One provider, without its secret."""
        return Response(IdentityProviderSerializer(selectors.provider_read(self.actor, pk)).data)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change what is given. The issuer stays once people are linked."""
        body = self.body(IdentityProviderUpdateSerializer)
        provider = services.identity_provider_update(
            actor=self.actor, provider=selectors.provider_get(self.actor, pk), **body
        )
        return Response(IdentityProviderSerializer(provider).data)

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Nobody signs in by it again. Roles that it gave stay."""
        services.identity_provider_remove(actor=self.actor, provider=selectors.provider_get(self.actor, pk))
        return Response(status=204)

    @extend_schema(
        tags=TAGS, summary="Test the connection", request=None, responses=ProviderFindingsSerializer
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Ask the provider for its discovery document and its keys, and tell what came."""
        found = identity_provider_test(actor=self.actor, provider=selectors.provider_get(self.actor, pk))
        return Response(ProviderFindingsSerializer(found).data)

    @extend_schema(
        tags=TAGS,
        summary="List what its groups give",
        operation_id="identity_providers_mappings_list",
        responses=GroupMappingSerializer(many=True),
    )
    @action(detail=True, methods=["get"], filter_backends=[], pagination_class=None)
    def mappings(self, request: Request, pk: UUID) -> Response:
        """Its mappings of groups to roles."""
        rows = selectors.mappings_of(selectors.provider_read(self.actor, pk))
        return Response(GroupMappingSerializer(rows, many=True).data)

    @extend_schema(
        tags=TAGS,
        summary="Let a group give a role",
        operation_id="identity_providers_mappings_create",
        request=GroupMappingCreateSerializer,
        responses={201: GroupMappingSerializer},
    )
    @mappings.mapping.post
    def mapping_create(self, request: Request, pk: UUID) -> Response:
        """From the next sign-in of its members on."""
        mapping = services.group_mapping_create(
            actor=self.actor,
            provider=selectors.provider_get(self.actor, pk),
            **self.body(GroupMappingCreateSerializer),
        )
        return Response(GroupMappingSerializer(mapping).data, status=201)

    @extend_schema(tags=TAGS, summary="Let a group give a role no longer", responses={204: None})
    @action(detail=True, methods=["delete"], url_path="mappings/<uuid:mapping_id>")
    def mapping_remove(self, request: Request, pk: UUID, mapping_id: UUID) -> Response:
        """Who has it by the group loses it at their next sign-in."""
        provider = selectors.provider_get(self.actor, pk)
        services.group_mapping_remove(actor=self.actor, mapping=selectors.mapping_get(provider, mapping_id))
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(tags=TAGS, summary="List the own identities", responses=IdentitySerializer(many=True)),
    destroy=extend_schema(tags=TAGS, summary="Unlink an own identity", responses={204: None}),
)
class IdentityViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {"list": "identity.view", "destroy": "identity.unlink"}
    queryset = FederatedIdentity.objects.none()
    serializer_class = IdentitySerializer
    pagination_class = None  # type: ignore[assignment]

    def list(self, request: Request) -> Response:
        """Who one is at providers. Linking needs a browser: the provider asks there."""
        return Response(IdentitySerializer(selectors.identities_own_read(self.actor), many=True).data)

    def destroy(self, request: Request, pk: UUID) -> Response:
        """The provider does not sign one in any more. The last way in stays."""
        identity_unlink(actor=self.actor, identity=selectors.identity_get(self.actor, pk))
        return Response(status=204)

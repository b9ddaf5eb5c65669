"""Invitations, for those who invite; and accepting one with the account that one has."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.accounts.api import NOT_REMEMBERED
from deployhub.accounts.filters import InvitationFilterSet
from deployhub.accounts.models import Invitation
from deployhub.accounts.selectors import invitations as selectors
from deployhub.accounts.serializers.invitations import (
    InvitationAcceptedSerializer,
    InvitationAcceptSerializer,
    InvitationCreate,
    InvitationMadeSerializer,
    InvitationSerializer,
)
from deployhub.accounts.services import invitations as services
from deployhub.accounts.services.joining import invitation_accept, invitation_open
from deployhub.doors.api import ApiViewSet

TAGS = ["access"]


@extend_schema_view(
    list=extend_schema(tags=TAGS, summary="List invitations"),
    create=extend_schema(
        tags=TAGS,
        summary="Invite somebody",
        request=InvitationCreate,
        responses={201: InvitationMadeSerializer},
    ),
    retrieve=extend_schema(tags=TAGS, summary="See an invitation"),
    resend=extend_schema(
        tags=TAGS, summary="Give an invitation a new link", request=None, responses=InvitationMadeSerializer
    ),
    revoke=extend_schema(tags=TAGS, summary="Take an invitation back", request=None),
    accept=extend_schema(
        tags=["account"],
        summary="Accept an invitation",
        request=InvitationAcceptSerializer,
        responses=InvitationAcceptedSerializer,
    ),
)
class InvitationViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "invitation.view",
        "create": "member.invite",
        "retrieve": "invitation.view",
        "resend": "invitation.resend",
        "revoke": "invitation.revoke",
        "accept": "invitation.accept",
    }
    idempotent_actions = NOT_REMEMBERED
    queryset = Invitation.objects.none()
    serializer_class = InvitationSerializer
    filterset_class = InvitationFilterSet
    sorts = ("created_at", "expires_at")

    def _made(self, invitation: Invitation, code: str) -> Any:
        shown = {
            "link": services.invitation_link(code),
            "was_sent": services.invitation_letter(invitation, code),
        }
        return InvitationMadeSerializer(
            selectors.invitation_get(self.actor, invitation.pk), context=shown
        ).data

    def list(self, request: Request) -> Response:
        """Those that the actor may see, newest first."""
        return self.listed(selectors.invitations_read(self.actor))

    def create(self, request: Request) -> Response:
        """Invite into a project, or, as an administrator, to the installation. The answer holds the link, this once."""
        body = self.body(InvitationCreate)
        project_id = body.pop("project")
        project = selectors.project_for_invitation(self.actor, project_id) if project_id else None
        made = services.invite(actor=self.actor, project=project, **body)
        location = reverse("invitations-detail", args=[made[0].pk])
        return Response(self._made(*made), status=201, headers={"Location": location})

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One invitation."""
        return Response(InvitationSerializer(selectors.invitation_get(self.actor, pk)).data)

    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: UUID) -> Response:
        """A new link with its days begun anew; the earlier link opens nothing any more."""
        row = selectors.invitation_get(self.actor, pk)
        return Response(self._made(*services.invitation_resend(actor=self.actor, invitation=row)))

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """Take it back."""
        row = selectors.invitation_get(self.actor, pk)
        services.invitation_revoke(actor=self.actor, invitation=row)
        return Response(InvitationSerializer(selectors.invitation_get(self.actor, pk)).data)

    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def accept(self, request: Request) -> Response:
        """Add what it gives to one's own account. Who has none accepts in the browser. No token may ask this."""
        code = self.body(InvitationAcceptSerializer)["code"]
        row = invitation_open(actor=self.actor, code=code)
        return Response(
            InvitationAcceptedSerializer(invitation_accept(actor=self.actor, invitation=row)).data
        )

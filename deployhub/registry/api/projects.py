"""Projects and members in the API."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.access.models import Membership
from deployhub.accounts.services.ownership import project_hand_over
from deployhub.doors.api import ApiViewSet
from deployhub.registry import selectors
from deployhub.registry.filters import MemberFilter, ProjectFilter
from deployhub.registry.models import Project
from deployhub.registry.reach import project_reached_by
from deployhub.registry.serializers import (
    MemberAdd,
    MemberChange,
    MemberSerializer,
    ProjectCreate,
    ProjectSerializer,
    ProjectUpdate,
)
from deployhub.registry.serializers.access import DutiesSet, HandOver, ReachedSerializer
from deployhub.registry.services import members
from deployhub.registry.services import projects as services


@extend_schema(tags=["projects"])
class ProjectViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "project.view",
        "create": "project.create",
        "retrieve": "project.view",
        "partial_update": "project.update",
        "archive": "project.archive",
        "restore": "project.archive",
        "duties": "project.duties",
        "reach": "reach.view",
        "hand_over": "project.hand_over",
    }
    serializer_class = ProjectSerializer
    filterset_class = ProjectFilter
    queryset = Project.objects.none()
    sorts = ("id", "name")

    @extend_schema(summary="Projects")
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "project.view")
        return self.listed(selectors.projects_visible(self.actor))

    @extend_schema(summary="Create a project", request=ProjectCreate, responses={201: ProjectSerializer})
    def create(self, request: Request) -> Response:
        project = services.project_create(actor=self.actor, **self.body(ProjectCreate))
        return Response(
            self.get_serializer(project).data,
            status=201,
            headers={"Location": reverse("project-detail", args=[project.pk])},
        )

    @extend_schema(summary="A project")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(self.get_serializer(selectors.project_read(self.actor, pk)).data)

    @extend_schema(summary="Rename or describe a project", request=ProjectUpdate)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        project = selectors.project_get(self.actor, pk)
        services.project_update(actor=self.actor, project=project, **self.body(ProjectUpdate))
        return Response(self.get_serializer(project).data)

    @extend_schema(summary="Archive a project", request=None)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: UUID) -> Response:
        project = services.project_archive(actor=self.actor, project=selectors.project_get(self.actor, pk))
        return Response(self.get_serializer(project).data)

    @extend_schema(summary="Take an archived project back", request=None)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: UUID) -> Response:
        project = services.project_restore(actor=self.actor, project=selectors.project_get(self.actor, pk))
        return Response(self.get_serializer(project).data)

    @extend_schema(summary="Demand a second person for production, or no longer", request=DutiesSet)
    @action(detail=True, methods=["put"])
    def duties(self, request: Request, pk: UUID) -> Response:
        project = selectors.project_get(self.actor, pk)
        services.project_duties_set(actor=self.actor, project=project, **self.body(DutiesSet))
        return Response(self.get_serializer(project).data)

    @extend_schema(summary="Hand a project over", request=HandOver, responses=MemberSerializer)
    @action(detail=True, methods=["post"], url_path="hand-over")
    def hand_over(self, request: Request, pk: UUID) -> Response:
        """Make somebody the owner in place of another, in one step. The answer is the new owner's membership."""
        project = selectors.project_get(self.actor, pk)
        member = project_hand_over(actor=self.actor, project=project, **self.body(HandOver))
        return Response(MemberSerializer(member).data)

    @extend_schema(summary="Who can reach a project", responses=ReachedSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def reach(self, request: Request, pk: UUID) -> Response:
        rows = project_reached_by(self.actor, selectors.project_get(self.actor, pk))
        return Response(ReachedSerializer(rows, many=True).data)


@extend_schema(tags=["projects"])
class MemberViewSet(ApiViewSet):
    """Members of one project."""

    permissions: ClassVar[dict[str, str]] = {
        "list": "project.view",
        "create": "membership.grant",
        "partial_update": "membership.grant",
        "destroy": "membership.revoke",
    }
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    queryset = Membership.objects.none()

    @extend_schema(summary="Members of a project")
    def list(self, request: Request, project_id: UUID) -> Response:
        project = selectors.project_read(self.actor, project_id)
        return self.listed(selectors.members_of(project))

    @extend_schema(
        summary="Add a member, or change their role", request=MemberAdd, responses={201: MemberSerializer}
    )
    def create(self, request: Request, project_id: UUID) -> Response:
        project = selectors.project_get(self.actor, project_id)
        member = members.membership_grant(actor=self.actor, project=project, **self.body(MemberAdd))
        return Response(
            self.get_serializer(member).data,
            status=201,
            headers={"Location": reverse("member-detail", args=[project.pk, member.pk])},
        )

    @extend_schema(summary="Change the role of a member", request=MemberChange)
    def partial_update(self, request: Request, project_id: UUID, pk: UUID) -> Response:
        member = self._member(project_id, pk)
        changed: Any = members.membership_grant(
            actor=self.actor, project=member.project, username=member.user.username, **self.body(MemberChange)
        )
        return Response(self.get_serializer(changed).data)

    @extend_schema(summary="Remove a member", request=None, responses={204: None})
    def destroy(self, request: Request, project_id: UUID, pk: UUID) -> Response:
        members.membership_revoke(actor=self.actor, membership=self._member(project_id, pk))
        return Response(status=204)

    def _member(self, project_id: UUID, pk: UUID) -> Membership:
        return selectors.member_get(selectors.project_get(self.actor, project_id), pk)

"""Registered models and aliases in the API."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from deployhub.doors.api import ApiViewSet
from deployhub.kernel.errors import InvalidInput, NotFound
from deployhub.registry import selectors
from deployhub.registry.filters import ModelFilter
from deployhub.registry.models import ModelVersion, RegisteredModel
from deployhub.registry.reach import project_reached_by
from deployhub.registry.serializers import (
    AliasSerializer,
    AliasSet,
    ModelCreate,
    ModelSerializer,
    ModelUpdate,
)
from deployhub.registry.serializers.access import ReachedSerializer
from deployhub.registry.services import models as services


@extend_schema(tags=["models"])
class ModelViewSet(ApiViewSet):
    permissions: ClassVar[dict[str, str]] = {
        "list": "model.view",
        "create": "model.create",
        "retrieve": "model.view",
        "partial_update": "model.update",
        "aliases": "model.view",
        "alias_set": "model.alias",
        "alias_remove": "model.alias",
        "reach": "reach.view",
    }
    idempotent_actions: ClassVar[frozenset[str]] = frozenset({"create", "alias_set"})
    serializer_class = ModelSerializer
    filterset_class = ModelFilter
    queryset = RegisteredModel.objects.none()
    sorts = ("id", "name")

    @extend_schema(summary="Registered models")
    def list(self, request: Request) -> Response:
        selectors.list_record(self.actor, "model.view")
        return self.listed(selectors.models_listed(self.actor))

    @extend_schema(summary="Register a model", request=ModelCreate, responses={201: ModelSerializer})
    def create(self, request: Request) -> Response:
        body = self.body(ModelCreate)
        model = services.model_create(
            actor=self.actor,
            project=_project_named(self.actor, body["project"]),  # type: ignore[arg-type]
            name=body["name"],
            description=body.get("description", ""),
        )
        return Response(
            self.get_serializer(model).data,
            status=201,
            headers={"Location": reverse("model-detail", args=[model.pk])},
        )

    @extend_schema(summary="A registered model")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        selectors.model_read(self.actor, pk)
        return Response(self._represent(pk))

    @extend_schema(summary="Rename or describe a model", request=ModelUpdate)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        model = selectors.model_get(self.actor, pk)
        services.model_update(actor=self.actor, model=model, **self.body(ModelUpdate))
        return Response(self._represent(pk))

    @extend_schema(summary="Aliases of a model", responses=AliasSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def aliases(self, request: Request, pk: UUID) -> Response:
        model = selectors.model_read(self.actor, pk)
        return Response(AliasSerializer(model.aliases.select_related("version"), many=True).data)

    @extend_schema(
        summary="Point an alias at a version",
        request=AliasSet,
        responses={200: AliasSerializer},
        operation_id="models_alias_set",
    )
    @aliases.mapping.post
    def alias_set(self, request: Request, pk: UUID) -> Response:
        model = selectors.model_get(self.actor, pk)
        body = self.body(AliasSet)
        version = ModelVersion.objects.filter(pk=body["version"], model=model).first()
        if version is None:
            raise InvalidInput(
                "This model has no such version.", errors={"version": ["Choose a version of this model."]}
            )
        alias = services.alias_set(actor=self.actor, model=model, name=body["name"], version=version)
        return Response(AliasSerializer(alias).data)

    @extend_schema(
        summary="Take an alias away",
        request=None,
        responses={204: None},
        parameters=[
            OpenApiParameter(
                "name", OpenApiTypes.STR, OpenApiParameter.PATH, description="Name of the alias."
            )
        ],
    )
    @action(detail=True, methods=["delete"], url_path="aliases/<slug:name>")
    def alias_remove(self, request: Request, pk: UUID, name: str) -> Response:
        services.alias_remove(actor=self.actor, model=selectors.model_get(self.actor, pk), name=name)
        return Response(status=204)

    @extend_schema(summary="Who can reach a model", responses=ReachedSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def reach(self, request: Request, pk: UUID) -> Response:
        model = selectors.model_get(self.actor, pk)
        return Response(ReachedSerializer(project_reached_by(self.actor, model.project), many=True).data)

    def _represent(self, pk: UUID) -> dict[str, object]:
        return self.get_serializer(selectors.models_listed(self.actor).get(pk=pk)).data


def _project_named(actor: object, key: str) -> object:
    """The project of a request's body; what is not visible is an error of the body, not of the address."""
    try:
        return selectors.project_get(actor, key)  # type: ignore[arg-type]
    except NotFound as error:
        raise InvalidInput(
            "There is no such project, or you have no access to it.", errors={"project": ["Not found."]}
        ) from error

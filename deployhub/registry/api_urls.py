"""API nouns of this floor."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from deployhub.registry.api.access import (
    AccessDecisionViewSet,
    AccessRequestViewSet,
    AliasRequestViewSet,
    CustomRoleViewSet,
    PersonReachViewSet,
    RoleViewSet,
)
from deployhub.registry.api.artifacts import ArtifactViewSet
from deployhub.registry.api.datasets import DatasetVersionViewSet, DatasetViewSet
from deployhub.registry.api.models import ModelViewSet
from deployhub.registry.api.projects import MemberViewSet, ProjectViewSet
from deployhub.registry.api.uploads import UploadViewSet
from deployhub.registry.api.versions import VersionViewSet

router = SimpleRouter(use_regex_path=False)
router.register("projects", ProjectViewSet, basename="project")
router.register("models", ModelViewSet, basename="model")
router.register("datasets", DatasetViewSet, basename="dataset")
router.register("dataset-versions", DatasetVersionViewSet, basename="dataset-version")
router.register("artifacts", ArtifactViewSet, basename="artifact")
router.register("versions", VersionViewSet, basename="version")
router.register("access-requests", AccessRequestViewSet, basename="access-request")
router.register("alias-requests", AliasRequestViewSet, basename="alias-request")
urlpatterns = [
    path("uploads/", UploadViewSet.as_view({"get": "list", "post": "create"}), name="upload-list"),
    path(
        "uploads/<uuid:pk>/",
        UploadViewSet.as_view({"get": "retrieve", "head": "offset", "patch": "append", "delete": "destroy"}),
        name="upload-detail",
    ),
    path(
        "projects/<uuid:project_id>/members/",
        MemberViewSet.as_view({"get": "list", "post": "create"}),
        name="member-list",
    ),
    path(
        "projects/<uuid:project_id>/members/<uuid:pk>/",
        MemberViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="member-detail",
    ),
    path(
        "projects/<uuid:project_id>/roles/",
        CustomRoleViewSet.as_view({"get": "list", "post": "create"}),
        name="custom-role-list",
    ),
    path(
        "projects/<uuid:project_id>/roles/<uuid:pk>/",
        CustomRoleViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="custom-role-detail",
    ),
    path(
        "projects/<uuid:project_id>/access-requests/",
        AccessDecisionViewSet.as_view({"get": "list"}),
        name="access-decision-list",
    ),
    path(
        "projects/<uuid:project_id>/access-requests/<uuid:pk>/approve/",
        AccessDecisionViewSet.as_view({"post": "approve"}),
        name="access-approve",
    ),
    path(
        "projects/<uuid:project_id>/access-requests/<uuid:pk>/decline/",
        AccessDecisionViewSet.as_view({"post": "decline"}),
        name="access-decline",
    ),
    path("users/<uuid:user_id>/reach/", PersonReachViewSet.as_view({"get": "list"}), name="user-reach"),
    path("roles/", RoleViewSet.as_view({"get": "list"}), name="role-list"),
    *router.urls,
]

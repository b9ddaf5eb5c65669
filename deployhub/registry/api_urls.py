"""API nouns of this floor."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from deployhub.registry.api.uploads import UploadViewSet
from deployhub.registry.api.versions import VersionViewSet

router = SimpleRouter(use_regex_path=False)
router.register("versions", VersionViewSet, basename="version")
urlpatterns = [
    path("uploads/", UploadViewSet.as_view({"get": "list", "post": "create"}), name="upload-list"),
    path(
        "uploads/<uuid:pk>/",
        UploadViewSet.as_view({"get": "retrieve", "head": "offset", "patch": "append", "delete": "destroy"}),
        name="upload-detail",
    ),
    *router.urls,
]

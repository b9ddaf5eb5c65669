"""API nouns of this floor."""

from rest_framework.routers import SimpleRouter

from deployhub.toolchains.api import ToolchainViewSet

router = SimpleRouter(use_regex_path=False)
router.register("toolchains", ToolchainViewSet, basename="toolchain")
urlpatterns = router.urls

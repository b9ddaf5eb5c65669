"""API nouns of this floor."""

from rest_framework.routers import SimpleRouter

from deployhub.conversion.api import ExportViewSet, FormatViewSet, ReplayViewSet

router = SimpleRouter(use_regex_path=False)
router.register("exports", ExportViewSet, basename="export")
router.register("replays", ReplayViewSet, basename="replay")
router.register("formats", FormatViewSet, basename="format")
urlpatterns = router.urls

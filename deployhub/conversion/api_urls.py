"""API nouns of this floor."""

from rest_framework.routers import SimpleRouter

from deployhub.conversion.api import ExportViewSet, FormatViewSet

router = SimpleRouter(use_regex_path=False)
router.register("exports", ExportViewSet, basename="export")
router.register("formats", FormatViewSet, basename="format")
urlpatterns = router.urls

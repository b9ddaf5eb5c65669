"""API nouns of the portal."""

from rest_framework.routers import SimpleRouter

from deployhub.portal.api import SystemViewSet

router = SimpleRouter(use_regex_path=False)
router.register("system", SystemViewSet, basename="system")
urlpatterns = router.urls

"""API nouns of the portal."""

from rest_framework.routers import SimpleRouter

from deployhub.portal.api import AuditEventViewSet, SystemViewSet

router = SimpleRouter(use_regex_path=False)
router.register("audit-events", AuditEventViewSet, basename="audit-events")
router.register("system", SystemViewSet, basename="system")
urlpatterns = router.urls

"""API nouns of oversight."""

from rest_framework.routers import SimpleRouter

from deployhub.review.api.events import AuditEventViewSet

router = SimpleRouter(use_regex_path=False)
router.register("audit-events", AuditEventViewSet, basename="audit-events")
urlpatterns = router.urls

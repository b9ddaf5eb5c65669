"""API nouns of oversight."""

from rest_framework.routers import SimpleRouter

from deployhub.review.api.events import AuditEventViewSet
from deployhub.review.api.exports import AuditExportViewSet, SavedSearchViewSet
from deployhub.review.api.findings import DigestViewSet, FindingViewSet, ReviewViewSet, RuleViewSet
from deployhub.review.api.retention import ErasureViewSet, LegalHoldViewSet, RetentionViewSet
from deployhub.review.api.seal import AuditCheckpointViewSet, AuditKeyViewSet, AuditProofViewSet

router = SimpleRouter(use_regex_path=False)
router.register("audit-events", AuditEventViewSet, basename="audit-events")
router.register("findings", FindingViewSet, basename="findings")
router.register("rules", RuleViewSet, basename="rules")
router.register("reviews", ReviewViewSet, basename="reviews")
router.register("digests", DigestViewSet, basename="digests")
router.register("audit-checkpoints", AuditCheckpointViewSet, basename="audit-checkpoints")
router.register("audit-keys", AuditKeyViewSet, basename="audit-keys")
router.register("audit-proofs", AuditProofViewSet, basename="audit-proofs")
router.register("audit-exports", AuditExportViewSet, basename="audit-exports")
router.register("audit-searches", SavedSearchViewSet, basename="audit-searches")
router.register("audit-retention", RetentionViewSet, basename="audit-retention")
router.register("audit-holds", LegalHoldViewSet, basename="audit-holds")
router.register("audit-erasures", ErasureViewSet, basename="audit-erasures")
urlpatterns = router.urls

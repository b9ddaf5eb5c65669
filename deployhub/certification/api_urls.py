"""API nouns of this floor."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from deployhub.certification.api.certificates import BudgetViewSet, CertificateKeyViewSet, CertificateViewSet
from deployhub.certification.api.overrides import ApprovalViewSet, OverrideViewSet

router = SimpleRouter(use_regex_path=False)
router.register("certificates", CertificateViewSet, basename="certificate")
router.register("certificate-keys", CertificateKeyViewSet, basename="certificate-key")
router.register("overrides", OverrideViewSet, basename="override")
urlpatterns = [
    *router.urls,
    path(
        "projects/<uuid:project_id>/budgets/",
        BudgetViewSet.as_view({"get": "list", "put": "update"}),
        name="project-budgets",
    ),
    path(
        "artifacts/<uuid:pk>/approve/",
        ApprovalViewSet.as_view({"post": "approve"}),
        name="artifact-approve",
    ),
    path(
        "artifacts/<uuid:pk>/approval-remove/",
        ApprovalViewSet.as_view({"post": "remove"}),
        name="artifact-approval-remove",
    ),
]

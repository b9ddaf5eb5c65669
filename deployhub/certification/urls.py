"""Pages of this floor."""

from django.urls import path

from deployhub.certification.views import certificates, overrides

app_name = "certification"
urlpatterns = [
    path("certificates/", certificates.CertificateList.as_view(), name="certificates"),
    path("certificates/<uuid:certificate_id>/", certificates.CertificatePage.as_view(), name="certificate"),
    path(
        "certificates/<uuid:certificate_id>/pictures/",
        certificates.CertificatePictures.as_view(),
        name="certificate-pictures",
    ),
    path(
        "certificates/<uuid:certificate_id>/pictures/<int:position>/",
        certificates.CertificatePicture.as_view(),
        name="certificate-picture",
    ),
    path(
        "certificates/<uuid:certificate_id>/download/",
        certificates.CertificateBundle.as_view(),
        name="certificate-download",
    ),
    path("artifacts/<uuid:artifact_id>/certify/", certificates.Certify.as_view(), name="certify"),
    path("artifacts/<uuid:artifact_id>/approve/", overrides.Approve.as_view(), name="approve"),
    path(
        "artifacts/<uuid:artifact_id>/approval/remove/",
        overrides.ApprovalRemove.as_view(),
        name="approval-remove",
    ),
    path(
        "artifacts/<uuid:artifact_id>/override/",
        overrides.OverrideRequest.as_view(),
        name="override-request",
    ),
    path(
        "overrides/<uuid:override_id>/approve/", overrides.OverrideApprove.as_view(), name="override-approve"
    ),
    path(
        "overrides/<uuid:override_id>/decline/", overrides.OverrideDecline.as_view(), name="override-decline"
    ),
    path(
        "overrides/<uuid:override_id>/withdraw/",
        overrides.OverrideWithdraw.as_view(),
        name="override-withdraw",
    ),
    path("projects/<slug:slug>/budgets/", certificates.BudgetsPage.as_view(), name="budgets"),
]

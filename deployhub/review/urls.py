"""Pages of oversight."""

from django.urls import path

from deployhub.review.views import audit

app_name = "review"
urlpatterns = [
    path("audit/", audit.AuditPage.as_view(), name="audit"),
    path("audit/summary/", audit.AuditSummaryPage.as_view(), name="audit-summary"),
]

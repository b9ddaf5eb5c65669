"""Pages of oversight."""

from django.urls import path

from deployhub.review.views import audit, exports, findings, retention, rules, seal, searches

app_name = "review"
urlpatterns = [
    path("audit/", audit.AuditPage.as_view(), name="audit"),
    path("audit/summary/", audit.AuditSummaryPage.as_view(), name="audit-summary"),
    path("findings/", findings.FindingsPage.as_view(), name="findings"),
    path("findings/reviewed/", findings.ReviewRecord.as_view(), name="reviewed"),
    path("findings/<uuid:finding_id>/", findings.FindingPage.as_view(), name="finding"),
    path("findings/<uuid:finding_id>/assign/", findings.FindingAssign.as_view(), name="finding-assign"),
    path("findings/<uuid:finding_id>/comment/", findings.FindingCommentAdd.as_view(), name="finding-comment"),
    path("findings/<uuid:finding_id>/link/", findings.FindingLink.as_view(), name="finding-link"),
    path("findings/<uuid:finding_id>/close/", findings.FindingClose.as_view(), name="finding-close"),
    path("findings/<uuid:finding_id>/reopen/", findings.FindingReopen.as_view(), name="finding-reopen"),
    path("rules/", rules.RulesPage.as_view(), name="rules"),
    path("rules/<slug:rule>/", rules.RulePage.as_view(), name="rule"),
    path("rules/<slug:rule>/mute/", rules.RuleMute.as_view(), name="rule-mute"),
    path("rules/<slug:rule>/unmute/", rules.RuleUnmute.as_view(), name="rule-unmute"),
    path("digests/", rules.DigestsPage.as_view(), name="digests"),
    path("digests/<uuid:digest_id>/", rules.DigestPage.as_view(), name="digest"),
    path("audit/seal/", seal.SealPage.as_view(), name="seal"),
    path("audit/seal/proofs/<int:event_id>/", seal.ProofFile.as_view(), name="seal-proof"),
    path("audit/searches/", searches.SearchNewPage.as_view(), name="searches"),
    path(
        "audit/searches/<uuid:search_id>/delete/", searches.SearchDeletePage.as_view(), name="search-delete"
    ),
    path("audit/exports/", exports.ExportsPage.as_view(), name="exports"),
    path("audit/exports/new/", exports.ExportNewPage.as_view(), name="export-new"),
    path("audit/exports/<uuid:audit_export_id>/file/", exports.ExportFile.as_view(), name="export-file"),
    path(
        "audit/exports/<uuid:audit_export_id>/remove/",
        exports.ExportRemovePage.as_view(),
        name="export-remove",
    ),
    path("audit/retention/", retention.RetentionPage.as_view(), name="retention"),
    path("audit/holds/new/", retention.HoldNewPage.as_view(), name="hold-new"),
    path("audit/holds/<uuid:hold_id>/release/", retention.HoldReleasePage.as_view(), name="hold-release"),
    path("users/<uuid:user_id>/erase/", retention.ErasurePage.as_view(), name="erasure"),
]

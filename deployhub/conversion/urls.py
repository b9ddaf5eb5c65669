"""Pages of this floor."""

from django.urls import path

from deployhub.conversion.views import ArtifactReplay, ExportNew

app_name = "conversion"
urlpatterns = [
    path("exports/new/", ExportNew.as_view(), name="export-new"),
    path("artifacts/<uuid:artifact_id>/replay/", ArtifactReplay.as_view(), name="replay"),
]

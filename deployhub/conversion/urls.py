"""Pages of this floor."""

from django.urls import path

from deployhub.conversion.views import ExportNew

app_name = "conversion"
urlpatterns = [path("exports/new/", ExportNew.as_view(), name="export-new")]

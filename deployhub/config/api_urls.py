"""REST API, version 1: every app registers its viewsets on one router."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView

urlpatterns = [
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("", include("deployhub.accounts.api_urls")),
    path("", include("deployhub.registry.api_urls")),
    path("", include("deployhub.toolchains.api_urls")),
    path("", include("deployhub.certification.api_urls")),
    path("", include("deployhub.conversion.api_urls")),
    path("", include("deployhub.jobs.api_urls")),
    path("", include("deployhub.review.api_urls")),
    path("", include("deployhub.portal.api_urls")),
]

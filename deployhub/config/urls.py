"""Root addresses. Each app brings its pages (`urls`) and its API nouns (`api_urls`)."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("deployhub.accounts.urls")),
    path("", include("deployhub.registry.urls")),
    path("", include("deployhub.toolchains.urls")),
    path("", include("deployhub.certification.urls")),
    path("", include("deployhub.conversion.urls")),
    path("", include("deployhub.jobs.urls")),
    path("", include("deployhub.review.urls")),
    path("", include("deployhub.portal.urls")),
    path("api/v1/", include("deployhub.config.api_urls")),
]

handler400 = "deployhub.doors.faces.bad_request"
handler403 = "deployhub.doors.faces.forbidden"
handler404 = "deployhub.doors.faces.not_found"
handler500 = "deployhub.doors.faces.server_error"

"""Pages of the portal."""

from django.urls import path

from deployhub.portal.views import dashboard, docs, system

app_name = "portal"
urlpatterns = [
    path("", dashboard.DashboardPage.as_view(), name="dashboard"),
    path("live/", dashboard.DashboardLive.as_view(), name="dashboard-live"),
    path("demo/", dashboard.DemoAnswer.as_view(), name="demo"),
    path("palette/", dashboard.PaletteView.as_view(), name="palette"),
    path("system/", system.SystemPage.as_view(), name="system"),
    path("formats/", docs.FormatsPage.as_view(), name="formats"),
    path("docs/", docs.DocumentPage.as_view(), name="docs"),
    path("docs/can/", docs.RolesPage.as_view(), name="roles"),
    path("docs/<slug:name>/", docs.DocumentPage.as_view(), name="document"),
    path("api/docs/", docs.ApiDocsPage.as_view(), name="api-docs"),
    path("style/", docs.StylePage.as_view(), name="style"),
    path("healthz", system.Healthz.as_view(), name="healthz"),
    path("readyz", system.Readyz.as_view(), name="readyz"),
    path("metrics", system.Metrics.as_view(), name="metrics"),
]

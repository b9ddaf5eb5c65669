"""Pages of this floor."""

from django.urls import path

from deployhub.toolchains import views

app_name = "toolchains"
urlpatterns = [
    path("toolchains/", views.ToolchainList.as_view(), name="toolchains"),
    path("toolchains/<str:name>/", views.ToolchainPage.as_view(), name="toolchain"),
    path("toolchains/<str:name>/build/", views.ToolchainBuild.as_view(), name="build"),
    path("toolchains/<str:name>/rebuild/", views.ToolchainRebuild.as_view(), name="rebuild"),
    path("toolchains/<str:name>/remove/", views.ToolchainRemove.as_view(), name="remove"),
]

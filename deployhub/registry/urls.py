"""Pages of this floor."""

from django.urls import path

from deployhub.registry.views import access, artifacts, datasets, members, models, projects, versions

app_name = "registry"
urlpatterns = [
    path("projects/", projects.ProjectList.as_view(), name="projects"),
    path("projects/new/", projects.ProjectNew.as_view(), name="project-new"),
    path("projects/<slug:slug>/", projects.ProjectPage.as_view(), name="project"),
    path("projects/<slug:slug>/members/", members.MembersPage.as_view(), name="project-members"),
    path(
        "projects/<slug:slug>/members/<uuid:membership_id>/role/",
        members.MemberRole.as_view(),
        name="member-role",
    ),
    path(
        "projects/<slug:slug>/members/<uuid:membership_id>/remove/",
        members.MemberRemove.as_view(),
        name="member-remove",
    ),
    path("projects/<slug:slug>/hand-over/", members.ProjectHandOver.as_view(), name="project-hand-over"),
    path("projects/<slug:slug>/settings/", projects.ProjectSettings.as_view(), name="project-settings"),
    path("projects/<slug:slug>/duties/", projects.ProjectDuties.as_view(), name="project-duties"),
    path("projects/<slug:slug>/roles/", access.CustomRolesPage.as_view(), name="custom-roles"),
    path(
        "projects/<slug:slug>/roles/<uuid:custom_role_id>/",
        access.CustomRolePage.as_view(),
        name="custom-role",
    ),
    path(
        "projects/<slug:slug>/roles/<uuid:custom_role_id>/remove/",
        access.CustomRoleRemove.as_view(),
        name="custom-role-remove",
    ),
    path("projects/<slug:slug>/reach/", access.ProjectReach.as_view(), name="project-reach"),
    path("projects/<slug:slug>/view-as/", access.PreviewStart.as_view(), name="view-as"),
    path("view-as/stop/", access.PreviewStop.as_view(), name="view-as-stop"),
    path(
        "projects/<slug:slug>/access-requests/<uuid:access_request_id>/approve/",
        members.AccessApprove.as_view(),
        name="access-approve",
    ),
    path(
        "projects/<slug:slug>/access-requests/<uuid:access_request_id>/decline/",
        members.AccessDecline.as_view(),
        name="access-decline",
    ),
    path("account/access/", access.AccessPage.as_view(), name="access"),
    path(
        "account/access/<uuid:access_request_id>/withdraw/",
        access.AccessWithdraw.as_view(),
        name="access-withdraw",
    ),
    path("users/<uuid:user_id>/reach/", access.PersonReach.as_view(), name="user-reach"),
    path("models/<uuid:model_id>/ask/", models.AliasAsk.as_view(), name="alias-ask"),
    path("models/<uuid:model_id>/reach/", access.ModelReach.as_view(), name="model-reach"),
    path(
        "alias-requests/<uuid:alias_request_id>/approve/", models.AliasApprove.as_view(), name="alias-approve"
    ),
    path(
        "alias-requests/<uuid:alias_request_id>/decline/", models.AliasDecline.as_view(), name="alias-decline"
    ),
    path(
        "alias-requests/<uuid:alias_request_id>/withdraw/",
        models.AliasWithdraw.as_view(),
        name="alias-withdraw",
    ),
    path("projects/<slug:slug>/archive/", projects.ProjectArchive.as_view(), name="project-archive"),
    path("projects/<slug:slug>/restore/", projects.ProjectRestore.as_view(), name="project-restore"),
    path("models/", models.ModelList.as_view(), name="models"),
    path("models/new/", models.ModelNew.as_view(), name="model-new"),
    path("models/<uuid:model_id>/", models.ModelPage.as_view(), name="model"),
    path("models/<uuid:model_id>/edit/", models.ModelEdit.as_view(), name="model-edit"),
    path("models/<uuid:model_id>/aliases/", models.AliasSet.as_view(), name="alias-set"),
    path(
        "models/<uuid:model_id>/aliases/<slug:name>/remove/",
        models.AliasRemove.as_view(),
        name="alias-remove",
    ),
    path("versions/", versions.VersionList.as_view(), name="versions"),
    path("versions/<uuid:version_id>/", versions.VersionPage.as_view(), name="version"),
    path("versions/<uuid:version_id>/live/", versions.VersionLive.as_view(), name="version-live"),
    path("versions/<uuid:version_id>/inspect/", versions.VersionInspect.as_view(), name="version-inspect"),
    path("versions/<uuid:version_id>/notes/", versions.VersionNotes.as_view(), name="version-notes"),
    path("versions/<uuid:version_id>/download/", versions.VersionDownload.as_view(), name="version-download"),
    path("uploads/new/", versions.UploadNew.as_view(), name="upload-new"),
    path("datasets/", datasets.DatasetList.as_view(), name="datasets"),
    path("datasets/new/", datasets.DatasetNew.as_view(), name="dataset-new"),
    path("datasets/<uuid:dataset_id>/", datasets.DatasetPage.as_view(), name="dataset"),
    path("datasets/<uuid:dataset_id>/download/", datasets.DatasetDownload.as_view(), name="dataset-download"),
    path("datasets/<uuid:dataset_id>/extend/", datasets.DatasetExtend.as_view(), name="dataset-extend"),
    path(
        "dataset-versions/<uuid:dataset_version_id>/", datasets.VersionPage.as_view(), name="dataset-version"
    ),
    path(
        "dataset-versions/<uuid:dataset_version_id>/live/",
        datasets.VersionLive.as_view(),
        name="dataset-version-live",
    ),
    path(
        "dataset-versions/<uuid:dataset_version_id>/check/",
        datasets.VersionCheck.as_view(),
        name="dataset-version-check",
    ),
    path(
        "dataset-versions/<uuid:dataset_version_id>/download/",
        datasets.VersionDownload.as_view(),
        name="dataset-version-download",
    ),
    path(
        "dataset-versions/<uuid:dataset_version_id>/images/<int:thumbnail_id>/",
        datasets.ImagePage.as_view(),
        name="dataset-image",
    ),
    path(
        "dataset-versions/<uuid:dataset_version_id>/thumbnails/<int:thumbnail_id>/",
        datasets.Picture.as_view(),
        name="dataset-picture",
    ),
    path("artifacts/", artifacts.ArtifactList.as_view(), name="artifacts"),
    path("artifacts/<uuid:artifact_id>/", artifacts.ArtifactPage.as_view(), name="artifact"),
    path(
        "artifacts/<uuid:artifact_id>/download/",
        artifacts.ArtifactDownload.as_view(),
        name="artifact-download",
    ),
]

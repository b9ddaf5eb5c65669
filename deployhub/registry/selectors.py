"""Reads of the registry, scoped to the actor: what they may not see does not exist.

`<entity>_get` is a plain read; `<entity>_read` is a read of the object by a person and is written to the audit log.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from deployhub.access import policy
from deployhub.access.models import AccessRequest, CustomRole, Membership, not_ended
from deployhub.access.vocab import RequestState, Role
from deployhub.audit.scope import event_record
from deployhub.jobs.models import Job
from deployhub.jobs.vocab import LIVE_STATES
from deployhub.kernel.actor import Actor
from deployhub.kernel.ids import parse_id
from deployhub.registry.models import (
    AliasRequest,
    Artifact,
    ArtifactFile,
    CertificateOverride,
    Dataset,
    DatasetVersion,
    ModelAlias,
    ModelVersion,
    Project,
    RegisteredModel,
    Upload,
)
from deployhub.registry.vocab import CERTIFY_JOB, DATASET_CHECK_JOB, INSPECT_JOB, DatasetState


def list_record(actor: Actor, permission: str, *, project_id: UUID | None = None) -> None:
    """Write to the log that the actor looked at a list."""
    event_record(actor, permission, project_id=project_id)


# Projects


def projects_visible(actor: Actor, permission: str = "project.view") -> QuerySet[Project]:
    return policy.visible(actor, permission, Project.objects.all(), project_path="pk")


def projects_counted(actor: Actor) -> QuerySet[Project]:
    """With the number of models and members; projects are few, so counting them is cheap."""
    models_of = RegisteredModel.objects.filter(project=OuterRef("pk")).order_by().values("project")
    people_of = Membership.objects.filter(not_ended(), project=OuterRef("pk")).order_by().values("project")
    return projects_visible(actor).annotate(
        model_count=Coalesce(Subquery(models_of.annotate(n=Count("pk")).values("n")), 0),
        member_count=Coalesce(Subquery(people_of.annotate(n=Count("pk")).values("n")), 0),
    )


def project_get(actor: Actor, key: UUID | str) -> Project:
    """By id or short name."""
    project_id = key if isinstance(key, UUID) else parse_id(key)
    visible = projects_visible(actor)
    return policy.one(visible, pk=project_id) if project_id is not None else policy.one(visible, slug=key)


def project_read(actor: Actor, key: UUID | str) -> Project:
    project = project_get(actor, key)
    event_record(actor, "project.view", project)
    return project


def projects_for(actor: Actor, permission: str) -> QuerySet[Project]:
    """The live projects in which the actor may do this: the choices of a form."""
    return projects_visible(actor, permission).filter(archived_at=None).order_by("name")


def members_of(project: Project) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(not_ended(), project=project)
        .select_related("user", "custom_role", "project")
        .order_by("role", "user__username")
    )


def member_get(project: Project, membership_id: UUID) -> Membership:
    return policy.one(members_of(project), pk=membership_id)


# Roles and requests for access


def custom_roles_of(project: Project) -> QuerySet[CustomRole]:
    """The project's own roles, each with the number of its members."""
    return (
        CustomRole.objects.filter(project=project)
        .annotate(member_count=Count("memberships"))
        .order_by("name")
    )


def custom_role_get(project: Project, role_id: UUID) -> CustomRole:
    return policy.one(custom_roles_of(project).select_related("project"), pk=role_id)


def role_choices(project: Project) -> list[tuple[str, str]]:
    """Every role of the project by its key: the built-in ones, then its own."""
    return [*Role.choices, *custom_roles_of(project).values_list("slug", "name")]


def access_requests_own(actor: Actor) -> QuerySet[AccessRequest]:
    """What the actor asked for themselves. It never tells whether a project that they named exists."""
    return AccessRequest.objects.filter(user_id=actor.user_id).select_related("user")  # type: ignore[misc]


def access_request_own_get(actor: Actor, request_id: UUID) -> AccessRequest:
    return policy.one(access_requests_own(actor), pk=request_id)


def access_requests_decidable(actor: Actor) -> QuerySet[AccessRequest]:
    """Requests that wait in the projects whose access the actor decides about."""
    waiting = AccessRequest.objects.filter(state=RequestState.WAITING).exclude(project=None)
    return policy.visible(actor, "access.decide", waiting.select_related("user", "project"))


def access_request_get(project: Project, request_id: UUID) -> AccessRequest:
    return policy.one(
        AccessRequest.objects.filter(project=project).select_related("user", "project"), pk=request_id
    )


def access_requests_of(project: Project) -> QuerySet[AccessRequest]:
    return AccessRequest.objects.filter(project=project).select_related("user", "decided_by").order_by("-id")


def alias_requests_visible(actor: Actor) -> QuerySet[AliasRequest]:
    rows = AliasRequest.objects.select_related(
        "project", "model", "version__model", "requested_by", "decided_by"
    )
    return policy.visible(actor, "model.view", rows).order_by("-id")


def alias_request_get(actor: Actor, request_id: UUID) -> AliasRequest:
    return policy.one(alias_requests_visible(actor), pk=request_id)


# Models


def models_visible(actor: Actor) -> QuerySet[RegisteredModel]:
    return policy.visible(actor, "model.view", RegisteredModel.objects.select_related("project"))


def models_listed(actor: Actor) -> QuerySet[RegisteredModel]:
    """With the newest version's number, and the aliases: what a row of the list shows."""
    newest = ModelVersion.objects.filter(model=OuterRef("pk")).order_by("-id")
    return (
        models_visible(actor)
        .annotate(
            latest_number=Subquery(newest.values("number")[:1]), latest_id=Subquery(newest.values("pk")[:1])
        )
        .prefetch_related(Prefetch("aliases", ModelAlias.objects.select_related("version")))
    )


def model_get(actor: Actor, model_id: UUID) -> RegisteredModel:
    return policy.one(models_visible(actor), pk=model_id)


def model_read(actor: Actor, model_id: UUID) -> RegisteredModel:
    model = model_get(actor, model_id)
    event_record(actor, "model.view", model)
    return model


# Versions


def versions_visible(actor: Actor) -> QuerySet[ModelVersion]:
    return policy.visible(
        actor,
        "version.view",
        ModelVersion.objects.select_related("model", "project", "blob", "created_by"),
    )


def versions_listed(actor: Actor) -> QuerySet[ModelVersion]:
    """Without the heavy columns (layers, class names), which no list shows."""
    return versions_visible(actor).defer("inspection", "class_names").prefetch_related("aliases")


def alias_names(version_ids: list[UUID]) -> dict[UUID, list[str]]:
    """The aliases that point at these versions."""
    found: dict[UUID, list[str]] = {}
    if version_ids:
        rows = ModelAlias.objects.filter(version_id__in=version_ids).values_list("version_id", "name")
        for version_id, name in rows:
            found.setdefault(version_id, []).append(name)
    return found


def version_get(actor: Actor, version_id: UUID) -> ModelVersion:
    return policy.one(versions_visible(actor), pk=version_id)


def version_read(actor: Actor, version_id: UUID) -> ModelVersion:
    version = version_get(actor, version_id)
    event_record(actor, "version.view", version)
    return version


def version_inspection_job(version: ModelVersion) -> Job | None:
    """The latest inspection of a version."""
    return (
        Job.objects.filter(kind=INSPECT_JOB, subject_type=version.audit_type(), subject_id=version.pk)
        .select_related("project", "requested_by")
        .order_by("-id")
        .first()
    )


def artifacts_of_version(actor: Actor, version: ModelVersion) -> QuerySet[Artifact]:
    return policy.visible(actor, "artifact.view", Artifact.objects.filter(version=version))


# Datasets


DATASET_HEAVY = ("report", "statistics", "profile", "thumbnails")


def datasets_visible(actor: Actor) -> QuerySet[Dataset]:
    """With their versions, without what no list shows."""
    versions = DatasetVersion.objects.select_related("blob", "created_by").defer(*DATASET_HEAVY)
    return policy.visible(
        actor,
        "dataset.view",
        Dataset.objects.select_related("project", "created_by").prefetch_related(
            Prefetch("versions", versions)
        ),
    )


def dataset_get(actor: Actor, dataset_id: UUID) -> Dataset:
    return policy.one(datasets_visible(actor), pk=dataset_id)


def dataset_read(actor: Actor, dataset_id: UUID) -> Dataset:
    dataset = dataset_get(actor, dataset_id)
    event_record(actor, "dataset.view", dataset)
    return dataset


def dataset_versions_visible(actor: Actor) -> QuerySet[DatasetVersion]:
    return policy.visible(
        actor,
        "dataset.view",
        DatasetVersion.objects.select_related("dataset__project", "project", "blob", "created_by"),
    )


def dataset_versions_listed(actor: Actor) -> QuerySet[DatasetVersion]:
    """Without the heavy columns, which no list shows."""
    return dataset_versions_visible(actor).defer(*DATASET_HEAVY)


def dataset_version_get(actor: Actor, version_id: UUID) -> DatasetVersion:
    return policy.one(dataset_versions_visible(actor).select_related("manifest", "pictures"), pk=version_id)


def dataset_version_read(actor: Actor, version_id: UUID) -> DatasetVersion:
    version = dataset_version_get(actor, version_id)
    event_record(actor, "dataset.view", version)
    return version


def dataset_version_named(actor: Actor, named_id: UUID) -> DatasetVersion | None:
    """The accepted version of this id, or the newest accepted one of the dataset of this id."""
    named = Q(pk=named_id) | Q(dataset_id=named_id)
    accepted = dataset_versions_visible(actor).filter(named, state=DatasetState.ACCEPTED)
    return accepted.order_by("-number").first()


def dataset_check_job(version: DatasetVersion) -> Job | None:
    """The latest check of a version."""
    return (
        Job.objects.filter(kind=DATASET_CHECK_JOB, subject_type=version.audit_type(), subject_id=version.pk)
        .select_related("project", "requested_by")
        .order_by("-id")
        .first()
    )


# Uploads


def uploads_visible(actor: Actor) -> QuerySet[Upload]:
    """One's own uploads, in projects that one's token reaches."""
    own = Upload.objects.filter(user_id=actor.user_id).select_related("project", "blob")  # type: ignore[misc]
    if actor.token_project_ids is not None:
        own = own.filter(project_id__in=list(actor.token_project_ids))
    return own


def upload_get(actor: Actor, upload_id: UUID) -> Upload:
    return policy.one(uploads_visible(actor), pk=upload_id)


# Artifacts


def artifacts_visible(actor: Actor) -> QuerySet[Artifact]:
    return policy.visible(
        actor, "artifact.view", Artifact.objects.select_related("version__model", "project", "created_by")
    )


def artifacts_listed(actor: Actor) -> QuerySet[Artifact]:
    """Without the heavy columns, which no list shows."""
    return artifacts_visible(actor).defer("comparison", "toolchain", "machine", "durations_s", "options")


def artifact_get(actor: Actor, artifact_id: UUID) -> Artifact:
    return policy.one(artifacts_visible(actor).select_related("job", "version__blob"), pk=artifact_id)


def artifact_read(actor: Actor, artifact_id: UUID) -> Artifact:
    artifact = artifact_get(actor, artifact_id)
    event_record(actor, "artifact.view", artifact)
    return artifact


def artifact_files(artifact: Artifact) -> QuerySet[ArtifactFile]:
    return artifact.files.select_related("blob").order_by("path")


def artifact_file_get(artifact: Artifact, path: str) -> ArtifactFile:
    return policy.one(artifact_files(artifact), path=path)


def artifact_certify_job(artifact: Artifact) -> Job | None:
    """The job that certifies the artifact just now."""
    return (
        Job.objects.filter(
            kind=CERTIFY_JOB,
            subject_type=artifact.audit_type(),
            subject_id=artifact.pk,
            state__in=LIVE_STATES,
        )
        .order_by("-id")
        .first()
    )


def artifact_overrides(artifact: Artifact) -> QuerySet[CertificateOverride]:
    """Requests for an override, newest first."""
    rows = CertificateOverride.objects.filter(artifact=artifact)
    return rows.select_related("requested_by", "decided_by").order_by("-id")

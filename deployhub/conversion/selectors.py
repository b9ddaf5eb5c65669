"""Reads of exports and of the format catalogue, scoped to the actor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from deployhub.access import policy
from deployhub.audit.scope import event_record
from deployhub.conversion.models import Export
from deployhub.conversion.vocab import EXPORT_QUEUE
from deployhub.engine.toolchains.declared import MAIN
from deployhub.jobs.selectors import workers_alive
from deployhub.kernel.actor import Actor
from deployhub.kernel.canonical import canonical_sha256
from deployhub.kernel.errors import NotFound
from deployhub.registry.models import DatasetVersion, ModelVersion
from deployhub.registry.vocab import DatasetState, VersionState


def exports_visible(actor: Actor) -> QuerySet[Export]:
    return policy.visible(
        actor,
        "export.view",
        Export.objects.select_related(
            "project", "version__model", "job", "artifact__version__model", "created_by"
        ),
    )


def export_get(actor: Actor, export_id: UUID) -> Export:
    """Raises NotFound for an export of another project."""
    export = exports_visible(actor).filter(pk=export_id).first()
    if export is None:
        raise NotFound("There is no such export, or you have no access to it.")
    return export


def export_read(actor: Actor, export_id: UUID) -> Export:
    """Like export_get, written to the audit log."""
    export = export_get(actor, export_id)
    event_record(actor, "export.view", export)
    return export


def versions_exportable(actor: Actor) -> QuerySet[ModelVersion]:
    """Accepted versions that the actor may export, newest first."""
    accepted = ModelVersion.objects.filter(state=VersionState.ACCEPTED).select_related(
        "model", "project", "blob"
    )
    return policy.visible(actor, "export.create", accepted)


def version_to_export(actor: Actor, version_id: UUID) -> ModelVersion:
    """A version that the actor may see, in whatever state. Raises NotFound for one of another project."""
    rows = ModelVersion.objects.select_related("model", "project", "blob")
    version = policy.visible(actor, "version.view", rows).filter(pk=version_id).first()
    if version is None:
        raise NotFound("There is no such version, or you have no access to it.")
    return version


def format_entry(catalogue: dict[str, Any] | None, key: str) -> dict[str, Any] | None:
    """One format of the catalogue by its key."""
    return next((entry for entry in (catalogue or {}).get("formats", []) if entry["key"] == key), None)


def format_obstacle(entry: dict[str, Any], version: ModelVersion) -> str:
    """Why this version can't be exported to this format, as a sentence; empty when it can."""
    if not entry["available"] and not queue_announced(entry):
        return str(
            entry.get("unavailable_reason") or f"{entry['label']} is not available on this installation."
        )
    if version.source_kind not in entry["sources"]:
        kinds = " or ".join(f".{kind}" for kind in entry["sources"])
        return f"{entry['label']} is made from a {kinds} file; this version is a .{version.source_kind} file."
    if version.task and version.task not in entry["tasks"]:
        return f"{entry['label']} does not take models of the task {version.get_task_display().lower()}."
    return ""


def export_queue(entry: dict[str, Any]) -> str:
    """Where an export of this format waits: any worker makes what `uv` can install, vendors' tools are announced."""
    return EXPORT_QUEUE if entry["available"] else f"toolchain:{entry.get('toolchain', entry['key'])}"


def queue_announced(entry: dict[str, Any]) -> bool:
    """Whether a living worker takes exports of a format that other machines lack the tools for."""
    wanted = f"toolchain:{entry.get('toolchain', entry['key'])}"
    return any(wanted in node.queues for node in workers_alive())


def calibration_sets(actor: Actor, version: ModelVersion) -> QuerySet[DatasetVersion]:
    """Accepted dataset versions of the version's project: they can tell a quantiser the range of real inputs."""
    accepted = DatasetVersion.objects.filter(project_id=version.project_id, state=DatasetState.ACCEPTED)
    return policy.visible(actor, "dataset.view", accepted).select_related("dataset", "blob")


def calibration_get(actor: Actor, version: ModelVersion, dataset_id: UUID | None) -> DatasetVersion | None:
    """The dataset version of this id, or the newest accepted one of the dataset of this id.

    Raises NotFound for one of another project, or one that was not accepted.
    """
    if dataset_id is None:
        return None
    named = Q(pk=dataset_id) | Q(dataset_id=dataset_id)
    dataset = calibration_sets(actor, version).filter(named).order_by("-number").first()
    if dataset is None:
        raise NotFound(
            "There is no such accepted dataset in the version's project, or you have no access to it."
        )
    return dataset


def source_facts(version: ModelVersion) -> dict[str, Any]:
    """What inspection found of a version, in the words that the catalogue's conflicts and defaults use."""
    found = version.inspection
    return {
        "kind": version.source_kind,
        "task": version.task or None,
        "image_size_px": found.get("image_size_px") or version.image_size_px,
        "stride": found.get("stride"),
        "end_to_end_head": found.get("end_to_end"),
    }


def export_key(
    *,
    version: ModelVersion,
    entry: dict[str, Any],
    options: dict[str, Any],
    catalogue: dict[str, Any],
    calibration: DatasetVersion | None = None,
) -> str:
    """The name of identical work: same bytes in, same format, same options, same toolchain."""
    is_main = entry.get("toolchain", MAIN) == MAIN
    work: dict[str, Any] = {
        "source": version.blob.sha256,
        "format": entry["key"],
        "options": options,
        "toolchain": catalogue.get("engine", {}) if is_main else entry["toolchain_digest"],
    }
    if calibration is not None:
        work["calibration"] = calibration.blob.sha256
    return canonical_sha256(work)

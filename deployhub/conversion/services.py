"""Writes of conversion: ask for an export, and record what it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.access import policy
from deployhub.certification.selectors import datasets_fitting
from deployhub.certification.services.certificates import certificate_request
from deployhub.conversion.models import Export
from deployhub.conversion.outputs import Findings, manifest_sha256
from deployhub.conversion.selectors import (
    export_key,
    export_queue,
    format_entry,
    format_obstacle,
    source_facts,
)
from deployhub.conversion.vocab import EXPORT_JOB_KIND, EXPORT_QUEUE, REPLAY_JOB_KIND
from deployhub.engine.options import OptionsInvalid, options_validate
from deployhub.jobs.models import Job
from deployhub.jobs.selectors import catalogue_current
from deployhub.jobs.services import job_enqueue
from deployhub.jobs.vocab import LIVE_STATES
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import Conflict, InvalidInput, Unavailable
from deployhub.registry.models import Artifact, ArtifactFile, DatasetVersion, ModelVersion
from deployhub.registry.outputs import OutputFile
from deployhub.registry.storage import StoredFile, blob_record
from deployhub.registry.vocab import VersionState
from deployhub.toolchains.selectors import lock_text
from deployhub.usecase import usecase


@dataclass(frozen=True, slots=True)
class ExportRequested:
    """The answer to a request: `is_known` when the artifact was there already, `is_joined` when its job was."""

    export: Export
    is_known: bool = False
    is_joined: bool = False


@usecase("export.create", on="version")
def export_create(
    *,
    actor: Actor,
    version: ModelVersion,
    format_key: str,
    options: dict[str, Any],
    calibration: DatasetVersion | None = None,
) -> ExportRequested:
    """Ask for a version in a format. Work that was done before is not done again: the same artifact answers.

    options: by name, as the catalogue declares them; what is left out takes its default. calibration: images for a
    quantiser, where the format takes them.
    Raises Conflict (version not accepted), Unavailable (no worker ever told its formats) and InvalidInput with
    `format` or `options.<name>`.
    """
    # One request at a time for a version: of two equal ones the second finds the first one's job.
    version = (
        ModelVersion.objects.select_for_update(of=("self",))
        .select_related("model", "project", "blob")
        .get(pk=version.pk)
    )
    if version.state != VersionState.ACCEPTED:
        raise Conflict(
            "This version can't be exported: it was refused."
            if version.state == VersionState.REFUSED
            else "This version can't be exported yet: it is still being inspected.",
            hint="Choose an accepted version, or wait until its inspection has ended.",
        )
    entry, cleaned, key = _plan(version, format_key, options, calibration)
    common = {
        "project": version.project,
        "version": version,
        "key": key,
        "format_key": format_key,
        "options": cleaned,
        "created_by_id": actor.user_id,
    }
    artifact = Artifact.objects.filter(version=version, key=key).first()
    if artifact is not None:
        return ExportRequested(
            Export.objects.create(artifact=artifact, job=artifact.job, **common), is_known=True
        )
    job = Job.objects.filter(exports__version=version, exports__key=key, state__in=LIVE_STATES).first()
    if job is not None and job.cancel_requested_at is None:
        return ExportRequested(Export.objects.create(job=job, **common), is_joined=True)
    export = Export.objects.create(**common)
    export.job = job_enqueue(
        actor=actor,
        kind=EXPORT_JOB_KIND,
        title=f"Export {version} to {entry['label']}{_precision_suffix(cleaned)}",
        project=version.project,
        spec={
            "version_id": str(version.pk),
            "key": key,
            "format": format_key,
            "format_label": entry["label"],
            "options": cleaned,
            "calibration_id": str(calibration.pk) if calibration else None,
        },
        subject=version,
        queue=export_queue(entry),
    )
    export.save()
    return ExportRequested(export)


def _precision_suffix(options: dict[str, Any]) -> str:
    return f" {str(options['precision']).upper()}" if options.get("precision") else ""


def _plan(
    version: ModelVersion, format_key: str, options: dict[str, Any], calibration: DatasetVersion | None
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The format's entry, the cleaned options, and the key of the work; refuses what can't work."""
    catalogue = catalogue_current()
    if catalogue is None:
        raise Unavailable(
            "No worker has started yet, so the export formats are not known.",
            hint="Start a worker, then try again. The system page shows which workers run.",
            code="no_catalogue",
        )
    entry = format_entry(catalogue, format_key)
    if entry is None:
        raise InvalidInput(
            "There is no such format.",
            hint="The formats page lists what can be chosen.",
            errors={"format": [f"There is no format named {format_key[:40]!r}."]},
        )
    if obstacle := format_obstacle(entry, version):
        raise InvalidInput(obstacle, hint="Choose another format.", errors={"format": [obstacle]})
    if refusal := _calibration_refusal(entry, calibration):
        raise InvalidInput(
            refusal,
            hint="The project's datasets are listed under Datasets.",
            errors={"calibration": [refusal]},
        )
    try:
        cleaned = options_validate(entry, options, source=source_facts(version))
    except OptionsInvalid as invalid:
        errors = {
            name if name == "__all__" else f"options.{name}": said for name, said in invalid.errors.items()
        }
        raise InvalidInput("Some options can't be used.", errors=errors) from invalid
    return (
        entry,
        cleaned,
        export_key(
            version=version, entry=entry, options=cleaned, catalogue=catalogue, calibration=calibration
        ),
    )


def _calibration_refusal(entry: dict[str, Any], calibration: DatasetVersion | None) -> str:
    wanted = entry.get("calibration", "")
    if wanted == "needed" and calibration is None:
        return f"{entry['label']} needs calibration images: choose a dataset of the project."
    if not wanted and calibration is not None:
        return f"{entry['label']} takes no calibration images. Leave the dataset out."
    return ""


@usecase("artifact.create", on="version")
def artifact_create(
    *,
    actor: Actor,
    version: ModelVersion,
    job: Job,
    files: list[tuple[OutputFile, StoredFile]],
    findings: Findings,
    inputs: dict[str, str],
    sandbox_tier: str,
) -> Artifact:
    """Record what an export made; its bytes are stored already. Safe to repeat: a key has one artifact.

    inputs: SHA-256 of each file that went in, by its part.
    """
    spec = job.spec
    artifact, is_new = Artifact.objects.get_or_create(
        version=version,
        key=spec["key"],
        defaults={
            "project": version.project,
            "format_key": spec["format"],
            "format_label": spec["format_label"],
            "precision": str(spec["options"].get("precision") or "fp32"),
            "options": findings.options or spec["options"],
            "proof": findings.proof,
            "proof_reason": findings.proof_reason,
            "file_name": artifact_file_name(version, spec, [file for file, _ in files]),
            "manifest_sha256": manifest_sha256([file for file, _ in files]),
            "size_bytes": sum(file.size_bytes for file, _ in files),
            "comparison": findings.comparison,
            "latency_ms": findings.latency_ms,
            "runtime": findings.runtime,
            "toolchain": findings.toolchain,
            "machine": findings.machine,
            "durations_s": findings.durations_s,
            "inputs": inputs,
            "sandbox_tier": sandbox_tier,
            "created_by_id": actor.user_id,
            "job": job,
        },
    )
    if is_new:
        for file, stored in files:
            ArtifactFile.objects.create(
                project=version.project, artifact=artifact, path=file.path, blob=blob_record(stored)
            )
    exports_settle(artifact=artifact)
    # Where it can be measured, nobody has to ask: an artifact without a certificate goes nowhere.
    if is_new and datasets_fitting(version) and policy.can(actor, "certificate.create", artifact):
        certificate_request(actor=actor, artifact=artifact)
    return artifact


@usecase("artifact.replay", on="artifact")
def artifact_replay(*, actor: Actor, artifact: Artifact) -> Job:
    """Make an artifact again, with the inputs, options and packages of its first export, and compare.

    Raises Conflict while such a job runs, and where the first inputs or packages are not known any more.
    """
    running = Job.objects.filter(kind=REPLAY_JOB_KIND, subject_id=artifact.pk, state__in=LIVE_STATES).first()
    if running is not None:
        raise Conflict(
            "This artifact is being made again already.", hint=f"Wait for the job “{running.title}”."
        )
    lock = artifact.toolchain.get("lock_sha256", "")
    if lock and not lock_text(lock):
        raise Conflict(
            "The list of packages that this artifact was made with is not kept here.",
            hint="Export the version again; the new artifact can be replayed.",
        )
    calibration = artifact.inputs.get("calibration")
    dataset = DatasetVersion.objects.filter(project_id=artifact.project_id, blob__sha256=calibration).first()
    if calibration and dataset is None:
        raise Conflict(
            "The calibration set that this artifact was made with is gone.", hint="Export the version again."
        )
    entry = format_entry(catalogue_current(), artifact.format_key)
    return job_enqueue(
        actor=actor,
        kind=REPLAY_JOB_KIND,
        title=f"Make {artifact} again",
        project=artifact.project,
        spec={
            "artifact_id": str(artifact.pk),
            "format": artifact.format_key,
            "options": artifact.options,
            "release": artifact.toolchain.get("ultralytics", "") if lock else "",
            "lock_sha256": lock,
            "calibration_id": str(dataset.pk) if dataset else None,
        },
        subject=artifact,
        queue=export_queue(entry) if entry else EXPORT_QUEUE,
    )


def exports_settle(*, artifact: Artifact) -> None:
    """Point every request for this work at its artifact, within the use case or job that knows of it."""
    Export.objects.filter(version_id=artifact.version_id, key=artifact.key, artifact=None).update(
        artifact=artifact
    )


def artifact_file_name(version: ModelVersion, spec: dict[str, Any], files: list[OutputFile]) -> str:
    """The name under which a download arrives: model, version, format and precision; a folder comes as a zip."""
    stem = f"{version.model.slug}-v{version.number}-{spec['format']}"
    if precision := spec["options"].get("precision"):
        stem = f"{stem}-{precision}"
    is_single = len(files) == 1 and "/" not in files[0].path
    suffix = files[0].path.partition(".")[2] if is_single else "zip"
    return f"{stem}.{suffix}" if suffix else stem

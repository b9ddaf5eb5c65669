"""What a worker does for an export: toolchain ready, source in, engine, files out, one commit."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from deployhub.access import policy
from deployhub.conversion.outputs import findings_read, replay_read
from deployhub.conversion.services import artifact_create, exports_settle
from deployhub.conversion.vocab import EXPORT_JOB_KIND, EXPORT_SEED, REPLAY_JOB_KIND
from deployhub.engine.spec import Limits
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, handles
from deployhub.jobs.models import WorkerNode
from deployhub.registry.models import Artifact, DatasetVersion, ModelVersion
from deployhub.registry.outputs import outputs_check
from deployhub.registry.storage import blob_copy, blob_write
from deployhub.toolchains.preparing import format_toolchain, interpreter, toolchain_held
from deployhub.toolchains.selectors import lock_text


@handles(
    EXPORT_JOB_KIND,
    steps=(
        "Fetching the model", "Loading the model", "Exporting", "Opening the export", "Comparing with the source",
        "Measuring the latency", "Storing the files",
    ),
)  # fmt: skip
def export_run(context: JobContext) -> Finished:
    """Make the artifact of an export job. Idempotent: what an earlier attempt committed is found again."""
    spec = context.spec
    version = ModelVersion.objects.select_related("model", "project", "blob").get(pk=spec["version_id"])
    # Asked now and not only at the commit: a person who lost their role meanwhile costs no computing time,
    # and the refusal is written outside the commit's transaction, where it stays.
    policy.require(context.actor, "artifact.create", version)
    known = Artifact.objects.filter(version=version, key=spec["key"]).first()
    if known is not None:
        context.log("This exact export exists already; nothing had to be computed.")
        return Finished(commit=lambda: _adopt(known))

    built = format_toolchain(context, spec["format"])
    work = context.workdir_make()
    source, inputs = inputs_fetch(context, version, calibration_id=spec.get("calibration_id"))
    with toolchain_held(built) if built else contextlib.nullcontext():
        result = context.engine_run(
            {
                "kind": "export",
                "format": spec["format"],
                "options": spec["options"],
                "seed": EXPORT_SEED,
                **source,
            },
            limits=Limits(),
            **interpreter(built),
        )
    files = outputs_check(work / "out", result.get("files"))
    findings = findings_read(result)
    if built is not None:
        findings.toolchain["toolchain"] = built.name
        findings.toolchain["lock_sha256"] = built.lock_sha256
    stored = []
    with context.phase("Storing the files", total=len(files), unit="files") as phase:
        for file in files:
            stored.append((file, blob_write(file.source, move=True)))
            phase.advance(len(stored))

    node = WorkerNode.objects.filter(name=context.job.worker_name).first()

    def commit() -> dict[str, Any]:
        artifact = artifact_create(
            actor=context.actor,
            version=version,
            job=context.job,
            files=stored,
            findings=findings,
            inputs=inputs,
            sandbox_tier=str((node.sandbox if node else {}).get("tier", ""))[:2],
        )
        return {"artifact_id": str(artifact.pk), "proof": artifact.proof}

    return Finished(commit=commit)


@handles(
    REPLAY_JOB_KIND,
    steps=(
        "Fetching the model",
        "Fetching the artifact",
        "Loading the model",
        "Exporting",
        "Comparing with the first",
    ),
)
def replay_run(context: JobContext) -> Finished:
    """Make an artifact again from what it was made of, and say how alike the two are. Nothing is stored but that."""
    spec = context.spec
    artifact = Artifact.objects.select_related("version__blob", "version__model", "project").get(
        pk=spec["artifact_id"]
    )
    policy.require(context.actor, "artifact.replay", artifact)
    built = format_toolchain(
        context, spec["format"], release=spec["release"], lock_text=lock_text(spec["lock_sha256"])
    )
    work = context.workdir_make()
    places, inputs = inputs_fetch(context, artifact.version, calibration_id=spec.get("calibration_id"))
    files = list(artifact.files.select_related("blob"))
    with context.phase("Fetching the artifact", total=len(files), unit="files") as phase:
        for done, file in enumerate(files, start=1):
            place = work / "in" / "previous" / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            blob_copy(file.blob, place)
            phase.advance(done)
    for path in (work / "in").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)
    with toolchain_held(built) if built else contextlib.nullcontext():
        result = context.engine_run(
            {"kind": "replay", "previous": "in/previous", "format": spec["format"], "options": spec["options"],
             "seed": EXPORT_SEED, **places},
            limits=Limits(),
            **interpreter(built),
        )  # fmt: skip
    outcome, detail = replay_read(result)
    then, now = artifact.toolchain, result.get("toolchain") or {}
    changed = [
        f"{name} {then[name]} then, {now[name]} now"
        for name in sorted(set(then) & set(now))
        if then[name] != now[name]
    ]
    if inputs != artifact.inputs and artifact.inputs:
        changed.insert(0, "other inputs")
    return Finished(
        {"artifact_id": str(artifact.pk), "outcome": outcome, "detail": " ".join([detail, *changed])[:2_000]}
    )


def inputs_fetch(
    context: JobContext, version: ModelVersion, *, calibration_id: str | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Copy the inputs into the work folder. Returns their places for the engine's spec, and their digests."""
    work = context.workdir
    wanted = {"source": (version.blob, f"in/source.{version.source_kind}")}
    if calibration_id:
        dataset = DatasetVersion.objects.select_related("blob").get(
            pk=calibration_id, project_id=version.project_id
        )
        wanted["calibration"] = (dataset.blob, "in/calibration.zip")
    with context.phase("Fetching the model", total=len(wanted), unit="files") as phase:
        for done, (blob, place) in enumerate(wanted.values(), start=1):
            blob_copy(blob, work / place)
            Path(work / place).chmod(0o444)
            phase.advance(done)
    return (
        {part: place for part, (_, place) in wanted.items()},
        {part: blob.sha256 for part, (blob, _) in wanted.items()},
    )


def _adopt(artifact: Artifact) -> dict[str, Any]:
    exports_settle(artifact=artifact)
    return {"artifact_id": str(artifact.pk), "proof": artifact.proof}

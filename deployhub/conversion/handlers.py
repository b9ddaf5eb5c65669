"""What a worker does for an export: source in, engine, files out, one commit."""

from __future__ import annotations

from typing import Any

from deployhub.access import policy
from deployhub.conversion.outputs import findings_read, outputs_check
from deployhub.conversion.services import artifact_create, exports_settle
from deployhub.conversion.vocab import EXPORT_JOB_KIND, EXPORT_SEED
from deployhub.engine.spec import Limits
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, handles
from deployhub.jobs.models import WorkerNode
from deployhub.registry.models import Artifact, ModelVersion
from deployhub.registry.storage import blob_copy, blob_write


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

    work = context.workdir_make()
    source = f"in/source.{version.source_kind}"
    with context.phase("Fetching the model", total=1, unit="file") as phase:
        blob_copy(version.blob, work / source)
        (work / source).chmod(0o444)
        phase.advance(1)
    result = context.engine_run(
        {
            "kind": "export",
            "source": source,
            "format": spec["format"],
            "options": spec["options"],
            "seed": EXPORT_SEED,
        },
        limits=Limits(),
    )
    files = outputs_check(work / "out", result.get("files"))
    findings = findings_read(result)
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
            sandbox_tier=str((node.sandbox if node else {}).get("tier", ""))[:2],
        )
        return {"artifact_id": str(artifact.pk), "proof": artifact.proof}

    return Finished(commit=commit)


def _adopt(artifact: Artifact) -> dict[str, Any]:
    exports_settle(artifact=artifact)
    return {"artifact_id": str(artifact.pk), "proof": artifact.proof}

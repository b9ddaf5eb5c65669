"""What a worker does for a certificate: source, artifact and evaluation set in, measurements out, one commit."""

from __future__ import annotations

import contextlib
from typing import Any

from deployhub.access import policy
from deployhub.certification.measured import measured_read
from deployhub.certification.services.certificates import certificate_record
from deployhub.certification.vocab import CERTIFY_SEED
from deployhub.engine.spec import Limits
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, handles
from deployhub.registry.models import Artifact, Certificate, DatasetVersion
from deployhub.registry.outputs import OutputInvalid, outputs_check
from deployhub.registry.storage import blob_copy, blob_write
from deployhub.registry.vocab import CERTIFY_JOB
from deployhub.toolchains.preparing import format_toolchain, interpreter, toolchain_held


@handles(
    CERTIFY_JOB,
    steps=(
        "Fetching the files", "Loading the model", "Opening the artifact", "Running both", "Measuring", "Storing the pictures",
    ),
)  # fmt: skip
def certify_run(context: JobContext) -> Finished:
    """Make the certificate of a job. Idempotent: what an earlier attempt committed is found again."""
    spec = context.spec
    artifact = Artifact.objects.select_related("project", "version__blob", "version__model").get(
        pk=spec["artifact_id"]
    )
    # Asked now and not only at the commit: a person who lost their role meanwhile costs no computing time.
    policy.require(context.actor, "certificate.create", artifact)
    if Certificate.objects.filter(job=context.job).exists():
        context.log("This job's certificate exists already; nothing had to be measured.")
        return Finished(commit=lambda: _told(Certificate.objects.get(job=context.job)))
    dataset = (
        DatasetVersion.objects.select_related("blob", "dataset").get(pk=spec["dataset_version_id"])
        if spec["dataset_version_id"]
        else None
    )
    built = format_toolchain(context, artifact.format_key)
    work = context.workdir_make()
    source = f"in/source.{artifact.version.source_kind}"
    files = list(artifact.files.select_related("blob"))
    with context.phase("Fetching the files", total=len(files) + 1 + bool(dataset), unit="files") as phase:
        wanted = [(artifact.version.blob, source)]
        wanted += [(file.blob, f"in/artifact/{file.path}") for file in files]
        wanted += [(dataset.blob, "in/dataset.zip")] if dataset else []
        for done, (blob, name) in enumerate(wanted, start=1):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            blob_copy(blob, work / name)
            (work / name).chmod(0o444)
            phase.advance(done)
    with toolchain_held(built) if built else contextlib.nullcontext():
        result = context.engine_run(
            {
                "kind": "certify",
                "source": source,
                "artifact": "in/artifact",
                "format": artifact.format_key,
                "options": artifact.options,
                "dataset": "in/dataset.zip" if dataset else None,
                "budget": spec["budget"],
                "images_limit": spec["images_limit"],
                "seed": CERTIFY_SEED,
            },
            limits=Limits(),
            **interpreter(built),
        )
    measured = measured_read(result, budget=spec["budget"])
    made = (
        {file.path: file for file in outputs_check(work / "out", result["files"])}
        if result.get("files")
        else {}
    )
    pictures = []
    with context.phase("Storing the pictures", total=len(measured.viewed), unit="pictures") as phase:
        for picture in measured.viewed:
            if picture["file"] not in made:
                raise OutputInvalid("The engine told of a picture that it did not make.")
            pictures.append(blob_write(made[picture["file"]].source, move=False))
            phase.advance(len(pictures))

    def commit() -> dict[str, Any]:
        return _told(
            certificate_record(
                actor=context.actor,
                artifact=artifact,
                job=context.job,
                dataset=dataset,
                measured=measured,
                pictures=pictures,
            )
        )

    return Finished(commit=commit)


def _told(certificate: Certificate) -> dict[str, Any]:
    return {
        "certificate_id": str(certificate.pk),
        "artifact_id": str(certificate.artifact_id),
        "outcome": certificate.outcome,
    }

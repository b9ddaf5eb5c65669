"""Jobs of the registry."""

from __future__ import annotations

import io
from functools import partial
from uuid import UUID

from deployhub.engine.client import EngineFailed
from deployhub.engine.spec import Limits
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, Refused, handles
from deployhub.kernel.units import GIB, MIB
from deployhub.registry.dataset_report import report_facts
from deployhub.registry.inspection import inspection_facts
from deployhub.registry.models import DatasetVersion, ModelVersion
from deployhub.registry.services.datasets import dataset_version_refuse, dataset_version_settle
from deployhub.registry.services.versions import version_accept, version_refuse
from deployhub.registry.storage import blob_copy, blob_write
from deployhub.registry.vocab import (
    DATASET_CHECK_JOB,
    DATASET_REFUSAL_CODES,
    INSPECT_JOB,
    REFUSAL_CODES,
    DatasetState,
    VersionState,
)

INSPECT_LIMITS = Limits(
    memory_bytes=4 * GIB, cpu_seconds=300, wall_seconds=300, output_bytes=64 * MIB, file_bytes=64 * MIB
)

DATASET_LIMITS = Limits(
    memory_bytes=4 * GIB, cpu_seconds=3600, wall_seconds=3600, output_bytes=256 * MIB, file_bytes=256 * MIB
)


@handles(INSPECT_JOB)
def inspect(context: JobContext) -> Finished:
    """Look into a quarantined version. What the file itself is to blame for refuses the version with the job."""
    version_id = UUID(context.spec["version_id"])
    version = ModelVersion.objects.select_related("blob").get(pk=version_id)
    if version.state == VersionState.ACCEPTED:
        return Finished(result={"version_id": str(version_id), "state": version.state})
    source = f"source.{version.source_kind}"
    with context.phase("Fetch the file", total=1, unit="file") as phase:
        blob_copy(version.blob, context.workdir_make() / "in" / source)
        phase.advance(1)
    try:
        result = context.engine_run({"kind": "inspect", "source": f"in/{source}"}, limits=INSPECT_LIMITS)
    except EngineFailed as error:
        if error.code not in REFUSAL_CODES:
            raise
        raise Refused(
            code=error.code,
            detail=error.detail,
            hint=error.hint,
            commit=partial(
                version_refuse, version_id=version_id, sentence=f"{error.detail} {error.hint}".strip()
            ),
        ) from error
    facts = inspection_facts(result)
    return Finished(
        result={"version_id": str(version_id), "state": VersionState.ACCEPTED.value},
        commit=partial(version_accept, version_id=version_id, facts=facts),
    )


@handles(
    DATASET_CHECK_JOB,
    steps=(
        "Fetch the file",
        "Reading the labels",
        "Reading the images",
        "Making thumbnails",
        "Store the report",
    ),
)
def dataset_check(context: JobContext) -> Finished:
    """Check a version of a dataset. Errors that it finds refuse the version; the job itself has done its work then."""
    version_id = UUID(context.spec["dataset_version_id"])
    version = DatasetVersion.objects.select_related("blob", "dataset").get(pk=version_id)
    if version.state == DatasetState.ACCEPTED:
        return Finished(result={"dataset_version_id": str(version_id), "state": version.state})
    work = context.workdir_make()
    with context.phase("Fetch the file", total=1, unit="file") as phase:
        blob_copy(version.blob, work / "in" / "dataset.zip")
        phase.advance(1)
    spec = {"kind": "dataset", "source": "in/dataset.zip", "purpose": version.dataset.purpose}
    try:
        result = context.engine_run(spec, limits=DATASET_LIMITS)
    except EngineFailed as error:
        if error.code not in DATASET_REFUSAL_CODES:
            raise
        raise Refused(
            code=error.code,
            detail=error.detail,
            hint=error.hint,
            commit=partial(
                dataset_version_refuse,
                version_id=version_id,
                sentence=f"{error.detail} {error.hint}".strip(),
            ),
        ) from error
    facts, pictures = report_facts(result, out=work / "out")
    with context.phase("Store the report", total=1, unit="report") as phase:
        manifest = blob_write(work / "out" / "manifest.json", move=True)
        kept = blob_write(io.BytesIO(pictures)) if pictures else None
        phase.advance(1)
    state = DatasetState.REFUSED if facts.refusal else DatasetState.ACCEPTED
    return Finished(
        result={"dataset_version_id": str(version_id), "state": state.value},
        commit=partial(
            dataset_version_settle, version_id=version_id, facts=facts, manifest=manifest, pictures=kept
        ),
    )

"""Jobs of the registry."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from deployhub.engine.client import EngineFailed
from deployhub.engine.spec import Limits
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, Refused, handles
from deployhub.kernel.units import GIB, MIB
from deployhub.registry.inspection import inspection_facts
from deployhub.registry.models import ModelVersion
from deployhub.registry.services.versions import version_accept, version_refuse
from deployhub.registry.storage import blob_copy
from deployhub.registry.vocab import INSPECT_JOB, REFUSAL_CODES, VersionState

INSPECT_LIMITS = Limits(
    memory_bytes=4 * GIB, cpu_seconds=300, wall_seconds=300, output_bytes=64 * MIB, file_bytes=64 * MIB
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

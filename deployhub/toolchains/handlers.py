"""What a worker does for toolchains: make one, remove one."""

from __future__ import annotations

import logging
from typing import Any

from celery.signals import worker_ready
from django.db import DatabaseError

from deployhub.engine.toolchains.declared import Toolchain as Declared
from deployhub.engine.toolchains.declared import toolchains_declared
from deployhub.engine.toolchains.places import built_all, folder_take_away
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, handles
from deployhub.kernel.errors import Conflict, DeployHubError
from deployhub.toolchains.models import Toolchain
from deployhub.toolchains.preparing import toolchain_prepare, toolchains_root
from deployhub.toolchains.services import host_name, toolchains_check, toolchains_gone
from deployhub.toolchains.vocab import BUILD_JOB_KIND, PREPARING, REMOVE_JOB_KIND, ToolchainState

log = logging.getLogger(__name__)


def _declared(context: JobContext) -> Declared:
    try:
        return toolchains_declared()[context.spec["name"]]
    except KeyError:
        raise DeployHubError(
            f"This worker knows no toolchain named {context.spec['name']}.",
            hint="It may run another version than the server: update the worker.",
            code="toolchain_unavailable",
        ) from None


@handles(
    BUILD_JOB_KIND,
    steps=tuple(
        f"{PREPARING}: {step}"
        for step in ("resolving versions", "downloading packages", "installing", "smoke test in the sandbox")
    ),
)
def toolchain_build_run(context: JobContext) -> Finished:
    built = toolchain_prepare(context, _declared(context), anew=bool(context.spec.get("anew")))
    return Finished(
        {"toolchain": built.name, "lock_sha256": built.lock_sha256, "packages": len(built.versions)}
    )


@handles(REMOVE_JOB_KIND, steps=("Removing the environments",))
def toolchain_remove_run(context: JobContext) -> Finished:
    declared, root = _declared(context), toolchains_root()
    mine = [built for built in built_all(root) if built.name == declared.name]
    elsewhere = Toolchain.objects.filter(name=declared.name, state=ToolchainState.READY).exclude(
        host=host_name()
    )
    if not mine and (other := elsewhere.first()):
        raise Conflict(
            f"This job reached the worker on {host_name()}; the environment stands on {other.host}.",
            hint="Run the job again until a worker of that machine takes it.",
        )
    removed: list[Any] = []
    with context.phase("Removing the environments", total=len(mine), unit="environments") as phase:
        for built in mine:
            if not folder_take_away(root, root / built.folder):
                raise Conflict(
                    "A job runs in this toolchain, so it was not removed.",
                    hint="Remove it when no export of its formats runs.",
                )
            removed.append(built.lock_sha256)
            phase.advance(len(removed))
        toolchains_gone(job=context.job, name=declared.name)
    return Finished({"toolchain": declared.name, "removed": len(removed)})


@worker_ready.connect
def _on_worker_ready(**kwargs: Any) -> None:
    """What stood when this machine's last worker ended may be gone by now, with a disk or by somebody's hand."""
    try:
        toolchains_check(standing={built.lock_sha256 for built in built_all(toolchains_root())})
    except DatabaseError as error:
        log.warning("The toolchains of this machine were not checked: %s", error)

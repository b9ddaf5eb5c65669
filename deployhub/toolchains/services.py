"""Writes: ask for a build or a removal, and record what a worker made of it."""

from __future__ import annotations

import socket
from datetime import datetime
from typing import Any

from django.db import transaction

from deployhub.audit.scope import audit_scope
from deployhub.engine.toolchains.declared import Toolchain as Declared
from deployhub.engine.toolchains.places import Built
from deployhub.jobs.models import Job
from deployhub.jobs.services import job_actor, job_enqueue
from deployhub.jobs.vocab import LIVE_STATES
from deployhub.kernel.actor import Actor, system_actor
from deployhub.kernel.errors import Conflict
from deployhub.toolchains.models import Toolchain
from deployhub.toolchains.selectors import Face
from deployhub.toolchains.vocab import BUILD_JOB_KIND, REMOVE_JOB_KIND, TOOLCHAIN_QUEUE, ToolchainState
from deployhub.usecase import usecase


def _asked(actor: Actor, face: Face, *, kind: str, title: str, **spec: Any) -> Job:
    name = face.declared.name
    running = Job.objects.filter(
        kind__in=(BUILD_JOB_KIND, REMOVE_JOB_KIND), spec__name=name, state__in=LIVE_STATES
    ).first()
    if running is not None:
        raise Conflict(
            f"{face.declared.label} is being worked on already.", hint=f"Wait for the job “{running.title}”."
        )
    return job_enqueue(
        actor=actor, kind=kind, title=title, project=None, spec={"name": name, **spec}, queue=TOOLCHAIN_QUEUE
    )


def _buildable(face: Face) -> None:
    if face.can_build:
        return
    if face.declared.is_main:
        raise Conflict(
            "The engine's own environment is installed with DeployHub.", hint="Update DeployHub to renew it."
        )
    raise Conflict(
        f"{face.declared.label} can't be made here.",
        hint=face.missing
        or "Its packages come from the vendor: install them on a worker and start it with the "
        f"queue toolchain:{face.declared.key}.",
    )


@usecase("toolchain.build")
def toolchain_build(*, actor: Actor, face: Face) -> Job:
    """Make a toolchain before an export needs it. Raises Conflict where that can't be or is under way."""
    _buildable(face)
    return _asked(
        actor, face, kind=BUILD_JOB_KIND, title=f"Build the toolchain {face.declared.label}", anew=False
    )


@usecase("toolchain.rebuild")
def toolchain_rebuild(*, actor: Actor, face: Face) -> Job:
    """Resolve and install a toolchain again in place of the one that stands."""
    _buildable(face)
    return _asked(
        actor, face, kind=BUILD_JOB_KIND, title=f"Rebuild the toolchain {face.declared.label}", anew=True
    )


@usecase("toolchain.remove")
def toolchain_remove(*, actor: Actor, face: Face) -> Job:
    """Remove a toolchain's environments; its lists of packages are kept. Raises Conflict where none stands."""
    if not face.ready:
        raise Conflict(
            "No environment of this toolchain stands on any worker.", hint="There is nothing to remove."
        )
    return _asked(actor, face, kind=REMOVE_JOB_KIND, title=f"Remove the toolchain {face.declared.label}")


def host_name() -> str:
    return socket.gethostname()


def toolchain_record(
    *, job: Job, declared: Declared, state: str, reason: str = "", built: Built | None = None
) -> None:
    """Write down what this machine has; asked for by a job, in a transaction of its own."""
    found: dict[str, Any] = {}
    if built is not None:
        found = {
            "lock_sha256": built.lock_sha256,
            "lock_text": built.lock_text,
            "versions": built.versions,
            "python_version": built.python_version,
            "size_bytes": built.size_bytes,
            "smoke": built.smoke,
            "built_at": datetime.fromisoformat(built.built_at),
        }
    mine = Toolchain.objects.filter(name=declared.name, host=host_name())
    with transaction.atomic(), audit_scope(job_actor(job), "toolchain.record"):
        row = (
            mine.filter(lock_sha256=found.get("lock_sha256", "")).first()
            or mine.filter(lock_sha256="").first()
        )
        if row is None:
            row = Toolchain(
                name=declared.name, key=declared.key, release=declared.release.version, host=host_name()
            )
        is_known = built is not None and row.state == state and row.lock_sha256 == built.lock_sha256
        if is_known and row.built_at == found["built_at"]:
            return
        row.state, row.reason, row.job = state, reason[:2_000], job
        for field, value in found.items():
            setattr(row, field, value)
        row.save()
        if built is not None:
            mine.filter(lock_sha256="").delete()


def toolchains_check(*, standing: set[str]) -> int:
    """Mark environments of this machine that are not there any more; returns how many. standing: digests of locks."""
    gone = Toolchain.objects.filter(host=host_name(), state=ToolchainState.READY).exclude(
        lock_sha256__in=standing
    )
    if not gone.exists():
        return 0
    with transaction.atomic(), audit_scope(system_actor(f"worker on {host_name()}"), "toolchain.record"):
        return gone.update(state=ToolchainState.MISSING, reason="Its folder is gone.", size_bytes=None)


def toolchains_gone(*, job: Job, name: str) -> None:
    """The environments of a toolchain were removed from this machine."""
    with transaction.atomic(), audit_scope(job_actor(job), "toolchain.record"):
        for row in Toolchain.objects.filter(name=name, host=host_name(), state=ToolchainState.READY):
            row.state, row.reason, row.job, row.size_bytes = ToolchainState.MISSING, "Removed.", job, None
            row.save()

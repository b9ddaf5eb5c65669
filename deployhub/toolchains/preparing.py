"""Have a toolchain ready within a job: found, or made now, with the job's own phases and log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from deployhub.engine.toolchains import places
from deployhub.engine.toolchains.declared import MAIN, toolchain_declared
from deployhub.engine.toolchains.declared import Toolchain as Declared
from deployhub.engine.toolchains.making import ToolchainFailed, toolchain_ensure
from deployhub.engine.toolchains.places import Built, Stopped
from deployhub.engine.toolchains.trial import smoke_in_sandbox
from deployhub.jobs.context import JobContext, JobStopped
from deployhub.jobs.selectors import catalogue_current
from deployhub.kernel.errors import DeployHubError
from deployhub.toolchains.services import toolchain_record
from deployhub.toolchains.vocab import PREPARING, ToolchainState


def toolchains_root() -> Path:
    return Path(settings.DEPLOYHUB_TOOLCHAINS_ROOT)


def toolchain_prepare(
    context: JobContext, declared: Declared, *, anew: bool = False, lock_text: str = ""
) -> Built:
    """The environment of a toolchain on this machine; made when it lacks, or `anew`.

    lock_text: exactly this list of packages. Raises DeployHubError with the cause, JobStopped when the job must end.
    """
    root = toolchains_root()
    lock = places.lock_sha256(lock_text) if lock_text else ""
    built = None if anew else places.built_find(root, declared, lock=lock)
    if built is not None:
        with context.phase(PREPARING):
            toolchain_record(job=context.job, declared=declared, state=ToolchainState.READY, built=built)
        return built
    toolchain_record(job=context.job, declared=declared, state=ToolchainState.BUILDING)
    try:
        with context.events_followed() as follow:

            def emit(event: dict[str, Any]) -> None:
                if event["type"] == "phase":
                    event = {**event, "name": f"{PREPARING}: {event['name'][:1].lower()}{event['name'][1:]}"}
                follow(event)

            built = toolchain_ensure(
                declared,
                root=root,
                smoke=smoke_in_sandbox(
                    declared,
                    client=context.engine,
                    work_root=context.workdir.parent,
                    prefix=f"{context.workdir.name}.smoke-",
                    emit=emit,
                    should_stop=context.should_stop,
                ),
                emit=emit,
                should_stop=context.should_stop,
                wheels=Path(settings.DEPLOYHUB_WHEELS) if settings.DEPLOYHUB_WHEELS else None,
                anew=anew,
                lock_text=lock_text,
            )
    except Stopped as stopped:
        reason = "The job that made it was stopped."
        toolchain_record(job=context.job, declared=declared, state=ToolchainState.FAILED, reason=reason)
        raise JobStopped from stopped
    except ToolchainFailed as failure:
        toolchain_record(
            job=context.job, declared=declared, state=ToolchainState.FAILED, reason=failure.detail
        )
        raise DeployHubError(failure.detail, hint=failure.hint, code=failure.code) from failure
    toolchain_record(job=context.job, declared=declared, state=ToolchainState.READY, built=built)
    return built


@contextlib.contextmanager
def toolchain_held(built: Built) -> Iterator[None]:
    """While the job runs in it nobody takes it away. Raises DeployHubError when somebody just did."""
    try:
        with places.in_use(toolchains_root(), built):
            yield
    except FileNotFoundError as gone:
        raise DeployHubError(
            "The toolchain was removed while the job prepared itself.",
            hint="Run the job again.",
            code="toolchain_failed",
        ) from gone


def format_toolchain(
    context: JobContext, format_key: str, *, release: str = "", lock_text: str = ""
) -> Built | None:
    """The environment that a format is exported and run in, made if it lacks; None for the engine's own.

    release, lock_text: of an earlier export, to be made again with the very same packages.
    """
    formats = (catalogue_current() or {}).get("formats", [])
    entry: dict[str, Any] = next((one for one in formats if one["key"] == format_key), {})
    key = str(entry.get("toolchain") or MAIN)
    try:
        declared = toolchain_declared(key, release=release)
    except KeyError:
        raise DeployHubError(
            f"This worker knows no toolchain {key} of Ultralytics {release or 'here'}.",
            hint="It may run another version than the server: update the worker.",
            code="toolchain_unavailable",
        ) from None
    # A vendor's tools stand in the engine's own environment of the worker that announces them.
    if declared.is_main or not declared.builds:
        return None
    return toolchain_prepare(context, declared, lock_text=lock_text)


def interpreter(built: Built | None) -> dict[str, Any]:
    """How the engine is told to run in a toolchain."""
    if built is None:
        return {}
    return {
        "python": built.python,
        "environment": toolchain_declared(built.key, release=built.release).environment,
    }

"""Reads: what is declared, and what stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployhub.engine.toolchains import declared
from deployhub.jobs.models import Job
from deployhub.jobs.selectors import catalogue_current, jobs_visible
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import NotFound
from deployhub.toolchains.models import Toolchain
from deployhub.toolchains.vocab import BUILD_JOB_KIND, REMOVE_JOB_KIND, ToolchainState


@dataclass(frozen=True, slots=True)
class Face:
    """A declared toolchain with what a worker says of it, and its environments."""

    declared: declared.Toolchain
    places: list[Toolchain]
    missing: str

    @property
    def state(self) -> str:
        """The best that is known: ready, building, failed, missing, needs (something), or declared."""
        if self.declared.is_main:
            return ToolchainState.READY
        states = {place.shown_state for place in self.places}
        for state in (ToolchainState.READY, ToolchainState.BUILDING):
            if state in states:
                return state
        if self.missing or not self.declared.builds:
            return "needs"
        for state in (ToolchainState.FAILED, ToolchainState.MISSING):
            if state in states:
                return state
        return "declared"

    @property
    def can_build(self) -> bool:
        return not self.declared.is_main and self.declared.builds and not self.missing

    @property
    def ready(self) -> list[Toolchain]:
        return [place for place in self.places if place.state == ToolchainState.READY]

    @property
    def latest(self) -> Toolchain | None:
        return max(self.places, key=lambda place: (place.job_id is not None, str(place.job_id)), default=None)


def _missing_by_toolchain() -> dict[str, str]:
    """What the workers' machine lacks, as the catalogue of their engine tells it."""
    formats: list[dict[str, Any]] = (catalogue_current() or {}).get("formats", [])
    return {entry.get("toolchain", ""): entry.get("unavailable_reason", "") for entry in formats}


def toolchains_listed(actor: Actor) -> list[Face]:
    """Every declared toolchain; those that can be used come first."""
    places: dict[str, list[Toolchain]] = {}
    for place in Toolchain.objects.select_related("job"):
        places.setdefault(place.name, []).append(place)
    missing = _missing_by_toolchain()
    faces = [
        Face(toolchain, places.get(name, []), missing.get(toolchain.key, ""))
        for name, toolchain in declared.toolchains_declared().items()
    ]
    return sorted(
        faces, key=lambda face: (not face.declared.is_main, face.state == "needs", face.declared.label)
    )


def toolchain_get(actor: Actor, name: str) -> Face:
    """Raises NotFound for a name that nobody declared."""
    face = next((face for face in toolchains_listed(actor) if face.declared.name == name), None)
    if face is None:
        raise NotFound("There is no such toolchain.", hint="/api/v1/toolchains/ lists them.")
    return face


def lock_text(lock_sha256: str) -> str:
    """The resolved list of an earlier build; empty when none is known."""
    row = Toolchain.objects.filter(lock_sha256=lock_sha256).exclude(lock_text="").first()
    return row.lock_text if row else ""


def build_jobs(actor: Actor, name: str) -> list[Job]:
    """The latest jobs that made or removed this toolchain by request, for those who may see them."""
    asked = jobs_visible(actor).filter(kind__in=(BUILD_JOB_KIND, REMOVE_JOB_KIND), spec__name=name)
    return list(asked.order_by("-id")[:10])

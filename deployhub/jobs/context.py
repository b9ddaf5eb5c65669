"""What a handler is given: its job, a work folder, phases, a log, and the engine."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from deployhub.engine.client import EngineClient
from deployhub.engine.spec import Limits
from deployhub.jobs.models import Job, JobLogLine, JobPhase
from deployhub.jobs.services import job_actor, job_should_stop
from deployhub.jobs.vocab import HEARTBEAT_SECONDS, LOG_LINES_KEPT, PhaseState
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now

log = logging.getLogger(__name__)
PROGRESS_WRITE_SECONDS = 0.3
"""Progress is written at most this often: a phase of 10,000 images must not cost 10,000 commits."""


COUNT_MAX = 2**31 - 1


class JobStopped(Exception):
    """The job was cancelled, or given to another worker, or this worker is leaving."""


@contextmanager
def _database_may_be_away(what: str) -> Iterator[None]:
    """What only tells of the work must not end it: while the database is away, the worker goes on computing."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if connection.in_atomic_block:
            raise
        log.warning("%s was not written, the database does not answer: %s", what, error)
        connection.close()


class Phase:
    """A stretch of work with progress; see JobContext.phase."""

    def __init__(self, row: JobPhase) -> None:
        self._row = row
        self._written_at = time.monotonic()

    def advance(self, done: int) -> None:
        """Say that `done` of the total is done."""
        self._row.done = done = min(max(done, 0), COUNT_MAX)
        if time.monotonic() - self._written_at >= PROGRESS_WRITE_SECONDS:
            self._written_at = time.monotonic()
            with _database_may_be_away("Progress"):
                JobPhase.objects.filter(pk=self._row.pk).update(done=done)

    def close(self, state: str) -> None:
        with _database_may_be_away("The end of a phase"):
            JobPhase.objects.filter(pk=self._row.pk).update(
                done=self._row.done
                if state != PhaseState.DONE or self._row.total is None
                else self._row.total,
                state=state,
                finished_at=utc_now(),
            )


class JobContext:
    def __init__(
        self, *, job: Job, engine: Callable[[], EngineClient], leaving: threading.Event | None = None
    ) -> None:
        self.job = job
        self._leaving = leaving or threading.Event()
        self._engine = engine
        self._lines = 0
        self._asked_at = 0.0
        self._stop = False
        self.workdir = Path(settings.DEPLOYHUB_WORK_ROOT) / f"{job.pk}-{job.fence}"

    @property
    def spec(self) -> dict[str, Any]:
        return self.job.spec

    @property
    def actor(self) -> Actor:
        """The person who asked for the job, acting through the worker."""
        return job_actor(self.job)

    def should_stop(self) -> bool:
        """Whether the work must end now; asks the database at most every half second."""
        if not self._stop and time.monotonic() - self._asked_at >= HEARTBEAT_SECONDS:
            self._asked_at = time.monotonic()
            with _database_may_be_away("The question whether to stop"):
                self._stop = job_should_stop(job_id=self.job.pk, fence=self.job.fence)
        return self._stop or self._leaving.is_set()

    def stop_check(self) -> None:
        """Raise JobStopped when the work must end now."""
        if self.should_stop():
            raise JobStopped

    def log(self, text: str, *, level: str = "info") -> None:
        self._lines += 1
        if self._lines > LOG_LINES_KEPT:
            return
        if self._lines == LOG_LINES_KEPT:
            text = f"The log ends here: only its first {LOG_LINES_KEPT} lines are kept."
        with _database_may_be_away("A line of the log"):
            JobLogLine.objects.create(
                job=self.job, attempt=self.job.attempt, level=level, text=text[:4_000].replace("\0", "")
            )

    @contextmanager
    def phase(self, name: str, *, total: int | None = None, unit: str = "") -> Iterator[Phase]:
        """A named phase: `with context.phase("Store", total=3, unit="files") as phase: phase.advance(1)`."""
        phase = self._phase_open(name, total, unit)
        try:
            yield phase
        except BaseException:
            phase.close(PhaseState.FAILED)
            raise
        phase.close(PhaseState.DONE)

    def _phase_open(self, name: str, total: int | None, unit: str) -> Phase:
        self.stop_check()
        row = JobPhase(
            job=self.job,
            attempt=self.job.attempt,
            name=name[:60],
            total=None if total is None else min(max(total, 0), COUNT_MAX),
            unit=unit[:30],
        )
        with _database_may_be_away("The beginning of a phase"):
            row.save()
        return Phase(row)

    def workdir_make(self) -> Path:
        """An empty work folder with `in/`, `out/` and `tmp/`, of this attempt alone."""
        self.workdir_remove()
        for name in ("in", "out", "tmp"):
            (self.workdir / name).mkdir(parents=True)
        return self.workdir

    def workdir_remove(self) -> None:
        shutil.rmtree(self.workdir, ignore_errors=True)

    @property
    def engine(self) -> EngineClient:
        return self._engine()

    @contextmanager
    def events_followed(self) -> Iterator[Callable[[dict[str, Any]], None]]:
        """What takes an engine's events: its phases and lines become the job's."""
        current: Phase | None = None

        def on_event(event: dict[str, Any]) -> None:
            nonlocal current
            match event["type"]:
                case "phase":
                    if current is not None:
                        current.close(PhaseState.DONE)
                    current = self._phase_open(event["name"], event.get("total"), event.get("unit", ""))
                case "progress":
                    if current is not None:
                        current.advance(int(event["done"]))
                case "log":
                    self.log(event["text"], level=event.get("level", "info"))

        try:
            yield on_event
        except BaseException:
            if current is not None:
                current.close(PhaseState.FAILED)
            raise
        if current is not None:
            current.close(PhaseState.DONE)

    def engine_run(self, spec: dict[str, Any], *, limits: Limits, **interpreter: Any) -> dict[str, Any]:
        """Run the confined engine on the work folder.

        interpreter: `python` and `environment` of a toolchain, where it is not the engine's own. Raises EngineFailed
        with the cause, EngineStopped when the job was cancelled.
        """
        with self.events_followed() as on_event:
            return self._engine().run(
                workdir=self.workdir,
                spec=spec,
                limits=limits,
                on_event=on_event,
                should_stop=self.should_stop,
                **interpreter,
            )

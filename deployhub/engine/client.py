"""What the web world calls: run one engine job in the sandbox and get its result.

Standard library only; nothing here parses a model.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deployhub.engine.sandbox import surroundings
from deployhub.engine.sandbox.launch import EngineServer, JobPipes, ServerUnavailable
from deployhub.engine.sandbox.outputs import OutputRefused, outputs_reclaim
from deployhub.engine.sandbox.streams import EventStream, LogStream
from deployhub.engine.spec import ErrorCode, Limits

_POLL_S = 0.1
_KILL_PATIENCE_S = 6.0
_DRAIN_S = 1.0
_CATALOGUE_TIMEOUT_S = 120


class EngineFailed(Exception):
    """The run failed. code: see ErrorCode; detail: what happened, one sentence; hint: what to do."""

    def __init__(self, code: str, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint


class EngineStopped(Exception):
    """The run was ended because should_stop() said so."""


_WARM_SERVER_TRIES = 2
_MORE_MEMORY = "Choose a smaller image size or batch, or ask an administrator for a higher memory limit."
_LIMIT_FAILURES = {
    "memory": (ErrorCode.LIMIT_MEMORY, "The model needed more memory than one job may use.", _MORE_MEMORY),
    "output": (
        ErrorCode.LIMIT_OUTPUT,
        "The job wrote more than one job may write.",
        "Choose a smaller model, or ask an administrator for a higher output limit.",
    ),
}


class EngineClient:
    """Runs engine jobs, each in a confined process of its own; safe to use from several threads.

    tier: "A" or "B" to insist on one, None for the best that holds here. warm: keep a server that
    has imported the libraries. work_root: a folder above all work folders; without it, the folder
    above the first one. Keep one client per process and close it at the end.
    """

    def __init__(
        self,
        *,
        tier: str | None = None,
        warm: bool = True,
        python: Path = Path(sys.executable),
        work_root: Path | None = None,
    ) -> None:
        self._tier = tier
        self._warm = warm
        self._python = python
        self._work_root = work_root
        self._server: EngineServer | None = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Start the warm server now instead of with the first job, when the work root is known."""
        if self._warm and self._work_root is not None:
            self._server_warm(self._work_root)

    def close(self) -> None:
        """End the warm server and every job that still runs."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def run(
        self,
        *,
        workdir: Path,
        spec: dict[str, Any],
        limits: Limits,
        on_event: Callable[[dict[str, Any]], None],
        should_stop: Callable[[], bool],
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Run one spec and return its result.

        python, environment: a toolchain's interpreter and variables, in place of the engine's own; such a run
        starts cold. on_event gets phase, progress and log events. Raises EngineFailed or EngineStopped; in each
        case no process of the job is left and the work folder belongs to the caller again.
        """
        workdir = workdir.resolve()
        _workdir_prepare(workdir, spec)
        if should_stop():
            raise EngineStopped("The job was stopped before it began.")
        server, is_own = self._server_for(workdir, python=python, environment=environment)
        try:
            pipes = self._submit(server, workdir=workdir, limits=limits, is_own=is_own)
            run = _Run(pipes, limits=limits, on_event=on_event, should_stop=should_stop)
            try:
                return run.result_await()
            finally:
                run.end()
                reclaimed = _reclaim(workdir, limits=limits)
                if reclaimed is not None and sys.exc_info()[0] is None:
                    raise reclaimed
        finally:
            if is_own:
                server.close()

    def _submit(self, server: EngineServer, *, workdir: Path, limits: Limits, is_own: bool) -> JobPipes:
        try:
            return server.submit(task="run", workdir=workdir, limits=limits)
        except ServerUnavailable as failure:
            if is_own:
                raise _sandbox_missing(str(failure)) from failure
            # The warm server died between two jobs: a new one, once.
            try:
                again, _is_own = self._server_for(workdir)
                return again.submit(task="run", workdir=workdir, limits=limits)
            except ServerUnavailable as failure:
                raise _sandbox_missing(str(failure)) from failure

    def _server_for(
        self, workdir: Path, *, python: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> tuple[EngineServer, bool]:
        """A server that reaches the work folder, and whether it is for this job alone."""
        tier = self._tier_resolve()
        if self._warm and python is None:
            with contextlib.suppress(ServerUnavailable):
                server = self._server_warm(self._work_root or workdir.parent)
                if server.serves(workdir):
                    return server, False
        try:
            server = EngineServer(
                tier=tier,
                python=python or self._python,
                preload=False,
                work_root=workdir,
                environment=environment,
            )
            return server, True
        except ServerUnavailable as failure:
            raise _sandbox_missing(str(failure)) from failure

    def _server_warm(self, work_root: Path) -> EngineServer:
        tier = self._tier_resolve()
        with self._lock:
            if self._server is not None and not self._server.is_alive():
                self._server.close()
                self._server = None
            if self._server is None:
                self._server = EngineServer(tier=tier, python=self._python, preload=True, work_root=work_root)
            return self._server

    def _tier_resolve(self) -> str:
        if self._tier in ("A", "B"):
            return self._tier
        report = sandbox_report()
        tier = "0" if self._tier == "0" else report["tier"]
        if tier == "0":
            raise _sandbox_missing(report["reason"])
        return str(tier)


class _Run:
    """One running job seen from the worker."""

    def __init__(
        self,
        pipes: JobPipes,
        *,
        limits: Limits,
        on_event: Callable[[dict[str, Any]], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._pipes = pipes
        self._limits = limits
        self._should_stop = should_stop
        self._events = EventStream(on_event)
        self._log = LogStream(on_event)
        self._report: dict[str, Any] | None = None
        self._is_over = False
        self._deadline = time.monotonic() + limits.wall_seconds
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipes.events, selectors.EVENT_READ)
        self._selector.register(pipes.output, selectors.EVENT_READ)
        self._selector.register(pipes.leash, selectors.EVENT_READ)

    def result_await(self) -> dict[str, Any]:
        """Follow the job to its end. Returns the result, or raises what ended it."""
        while not self._is_over:
            self._read(timeout_s=_POLL_S)
            if self._is_over:
                break
            if self._should_stop():
                raise EngineStopped("The job was stopped.")
            if time.monotonic() > self._deadline:
                raise EngineFailed(
                    ErrorCode.LIMIT_TIME,
                    f"The job ran longer than {self._limits.wall_seconds} s and was ended.",
                    "Choose a smaller image size, or ask an administrator for a longer limit.",
                )
        self._drain()
        return self._outcome()

    def _read(self, *, timeout_s: float) -> None:
        for key, _mask in self._selector.select(timeout_s):
            if key.fileobj is self._pipes.leash:
                with contextlib.suppress(OSError, ValueError):
                    self._report = json.loads(self._pipes.leash.recv(4096) or b"null")
                self._selector.unregister(self._pipes.leash)
                self._is_over = True
                continue
            stream = self._events if key.fd == self._pipes.events else self._log
            chunk = os.read(key.fd, 65536)
            if chunk:
                stream.feed(chunk)
            else:
                stream.finish()
                self._selector.unregister(key.fd)

    def _drain(self) -> None:
        """Read what the job wrote before it ended; nobody writes any more, so this is short."""
        deadline = time.monotonic() + _DRAIN_S
        while self._selector.get_map() and time.monotonic() < deadline:
            self._read(timeout_s=0.05)
        self._events.finish()
        self._log.finish()

    def _outcome(self) -> dict[str, Any]:
        report = self._report
        if report is not None and report.get("limit") in _LIMIT_FAILURES:
            raise EngineFailed(*_LIMIT_FAILURES[report["limit"]])
        if self._events.error is not None:
            error = self._events.error
            raise EngineFailed(error["code"], error["detail"], error["hint"])
        status = None if report is None else report.get("status")
        if self._events.result is not None and status == 0:
            return self._events.result
        raise EngineFailed(*_crash_describe(status, self._log.tail))

    def end(self) -> None:
        """Make sure that no process of the job is left, then let go of the pipes."""
        if not self._is_over:
            with contextlib.suppress(OSError):
                self._pipes.leash.send(b"end")
            deadline = time.monotonic() + _KILL_PATIENCE_S
            while not self._is_over and time.monotonic() < deadline:
                with contextlib.suppress(Exception):  # a handler that fails must not keep the job alive
                    self._read(timeout_s=_POLL_S)
        self._selector.close()
        self._pipes.close()


def _crash_describe(status: int | None, log_tail: str) -> tuple[str, str, str]:
    """Code, sentence and hint for a job that ended without a result."""
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if "bad_alloc" in log_tail or "allocate memory" in log_tail:
            return _LIMIT_FAILURES["memory"]
        if number == signal.SIGXCPU:
            return (
                ErrorCode.LIMIT_TIME,
                "The job used more processor time than one job may use.",
                "Choose a smaller image size, or ask an administrator for a higher limit.",
            )
        if number == signal.SIGXFSZ:
            return _LIMIT_FAILURES["output"]
        if number == signal.SIGKILL:
            return (
                ErrorCode.ENGINE_CRASHED,
                "The operating system ended the job, most often because the machine ran out of memory.",
                "Try again with a smaller image size, or when fewer jobs run.",
            )
        name = signal.Signals(number).name if number in list(signal.Signals) else str(number)
        return (
            ErrorCode.ENGINE_CRASHED,
            f"The engine crashed while it worked on this model ({name}).",
            "The job's log has its last words. If it happens again with the same file, the file may be damaged.",
        )
    return (
        ErrorCode.ENGINE_CRASHED,
        "The engine ended without a result.",
        "The job's log has its last words. Try again; if it happens again, report it with the log.",
    )


def _sandbox_missing(reason: str) -> EngineFailed:
    return EngineFailed(
        ErrorCode.SANDBOX_UNAVAILABLE,
        "This worker has no safe place to open a model file, so it refused the job.",
        f"An administrator can see why on the system page. {reason}".strip(),
    )


def _workdir_prepare(workdir: Path, spec: dict[str, Any]) -> None:
    for name in ("in", "out", "tmp"):
        (workdir / name).mkdir(parents=True, exist_ok=True)
    (workdir / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    if os.geteuid() == 0:
        # The job runs as another user; passing through and reading its inputs is all it gets.
        os.chmod(workdir, 0o711 | workdir.stat().st_mode & 0o777)  # noqa: S103
        os.chmod(workdir / "in", 0o755)  # noqa: S103 - inputs hold no secrets of ours
        os.chmod(workdir / "spec.json", 0o644)


def _reclaim(workdir: Path, *, limits: Limits) -> EngineFailed | None:
    try:
        outputs_reclaim(workdir, limit_bytes=limits.output_bytes)
    except (OutputRefused, OSError) as refused:
        return EngineFailed(
            ErrorCode.ENGINE_OUTPUT_INVALID,
            str(refused) if isinstance(refused, OutputRefused) else "The job's output could not be read.",
            "The output was thrown away. Treat the model file with suspicion.",
        )
    return None


def catalogue_read(*, python: Path = Path(sys.executable)) -> dict[str, Any]:
    """The engine's catalogue of formats, as `python -m deployhub.engine catalog` prints it."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(surroundings.source_root()),
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "false",
    }
    done = subprocess.run(
        [str(python), "-P", "-m", "deployhub.engine", "catalog"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_CATALOGUE_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise EngineFailed(
            ErrorCode.ENGINE_ERROR,
            "The engine could not list its formats.",
            done.stderr.decode(errors="replace")[-500:].strip(),
        )
    catalogue: dict[str, Any] = json.loads(done.stdout)
    return catalogue


_report_lock = threading.Lock()
_report: dict[str, Any] | None = None


def sandbox_report(*, refresh: bool = False) -> dict[str, Any]:
    """Which confinement holds on this machine, proven by hostile probes; measured once per process."""
    global _report
    with _report_lock:
        if _report is None or refresh:
            from deployhub.engine.sandbox.report import report_make

            _report = report_make(python=Path(sys.executable))
        return _report

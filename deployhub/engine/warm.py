"""The engine's server process: imports the libraries once, then forks one confined child per job.

    worker ── control socket ──► server (trusted code, no secrets, empty environment)
                                   └─ keeper, one per job: ends the job's whole family
                                        └─ job: confined, then runs one spec

Warm: the server has imported torch, Ultralytics and ONNX. Cold: the same server without the
imports, for one job. The server never reads anything a job wrote: events go from the job's pipe
straight to the worker. The end of file on a socket is the only life sign: when the worker dies,
even by SIGKILL, keepers end their jobs and the server ends itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployhub.engine.sandbox import kernel_calls as kernel
from deployhub.engine.sandbox.confine import ENGINE_ENVIRONMENT, Confinement, confine_self
from deployhub.engine.sandbox.keeper import job_keep
from deployhub.engine.spec import EngineError, ErrorCode

_REQUEST_BYTES_MAX = 256 * 1024
_REQUEST_DESCRIPTORS = 3  # events, output, keeper's socket
_EVENTS_FD = 3
_PRELOAD_THREADS_MAX = 8
_PRELOADED_MODULES = (
    "numpy", "onnx", "onnxruntime", "torch", "torchvision", "ultralytics", "ultralytics.engine.exporter",
    "ultralytics.nn.tasks", "ultralytics.nn.autobackend", "ultralytics.models.yolo", "deployhub.engine.intake",
    "deployhub.engine.run",
)  # fmt: skip


def server_main() -> None:
    """Serve requests until the other end closes. Arguments: the control socket's descriptor, `--preload`."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's business
    _server_privileges_reduce()
    preloaded = "--preload" in sys.argv[2:]
    if preloaded:
        _libraries_preload()
    control.send(json.dumps({"ready": True, "pid": os.getpid(), "preloaded": preloaded}).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers report to the worker; the kernel reaps them
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(
            control, _REQUEST_BYTES_MAX, _REQUEST_DESCRIPTORS
        )
        if not message:
            break
        if len(descriptors) == _REQUEST_DESCRIPTORS and os.fork() == 0:
            control.close()
            _job_start(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
    os._exit(0)


def _server_privileges_reduce() -> None:
    """As root keep only what starting and ending jobs takes; bubblewrap has done the same in tier A."""
    if os.geteuid() != 0:
        return
    setuid, setgid, kill, setpcap = 7, 6, 5, 8
    kernel.capabilities_set(keep=frozenset({setuid, setgid, kill, setpcap, kernel.CAP_DAC_READ_SEARCH}))


def _libraries_preload() -> None:
    """Import what jobs need, but start no thread pool: a pool does not survive the fork and would hang."""
    import importlib

    for name in _PRELOADED_MODULES:
        try:
            importlib.import_module(name)
        except ImportError as missing:
            sys.stderr.write(f"engine server: {name} was not imported: {missing}\n")
    # Python objects loaded so far are never collected, so children don't copy their pages.
    gc.collect()
    gc.freeze()


def _job_start(request: dict[str, Any], events: int, output: int, leash: int) -> None:
    """In the keeper's process: fork the job, then keep it. Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        confinement = Confinement.from_wire(request["confinement"])
        job = os.fork()
        if job == 0:
            _job_main(request["task"], confinement, events, output)
        os.close(events)
        os.close(output)
        job_keep(job=job, leash=socket.socket(fileno=leash), confinement=confinement)
        status = 0
    except BaseException:  # noqa: BLE001 - the last frame of this process; the worker sees its exit
        traceback.print_exc()
    finally:
        os._exit(status)


def _job_main(task: str, confinement: Confinement, events: int, output: int) -> None:
    """In the job's process: arrange descriptors, confine, run, exit. Never returns."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        empty = os.open(os.devnull, os.O_RDONLY)
        # Above the standard three first, so that no dup2 overwrites a descriptor still needed.
        high = [os.dup(descriptor) for descriptor in (events, output)]
        high = [_descriptor_lift(descriptor) for descriptor in high]
        os.dup2(empty, 0)
        os.dup2(high[1], 1)
        os.dup2(high[1], 2)
        os.dup2(high[0], _EVENTS_FD)
        os.closerange(_EVENTS_FD + 1, 65536)
        os.set_inheritable(_EVENTS_FD, False)  # a program the job starts gets no event pipe
        confine_self(confinement)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        emit = _emitter(_EVENTS_FD)
        status = _task_run(task, Path(confinement.workdir), emit)
    except BaseException:  # noqa: BLE001 - the last frame of this process; text goes to the job's log
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        # Not sys.exit: tearing down thread pools can hang, and the server's exit hooks aren't ours.
        os._exit(status)


def _descriptor_lift(descriptor: int) -> int:
    import fcntl

    lifted = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 16)
    os.close(descriptor)
    return lifted


def _emitter(descriptor: int) -> Callable[[dict[str, Any]], None]:
    import threading

    lock = threading.Lock()

    def emit(event: dict[str, Any]) -> None:
        line = json.dumps(event, separators=(",", ":"), allow_nan=False, default=str).encode() + b"\n"
        with lock:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    return emit


def _task_run(task: str, workdir: Path, emit: Callable[[dict[str, Any]], None]) -> int:
    """Run one task; an exception becomes one `error` event. Returns the exit status."""
    try:
        if task == "probe":
            from deployhub.engine.sandbox.probes import probes_run

            result = probes_run(workdir=workdir)
        else:
            _threads_allow()
            from deployhub.engine.run import run_spec

            result = run_spec(workdir=workdir, emit=emit)
    except EngineError as error:
        emit({"type": "error", "code": error.code, "detail": error.detail, "hint": error.hint})
        return 1
    except Exception as error:  # noqa: BLE001 - every failure must reach the user as an event
        # Text first: the details are for the log, the sentence for the page.
        traceback.print_exc()
        code, detail, hint = failure_describe(error)
        emit({"type": "error", "code": code, "detail": detail, "hint": hint})
        return 1
    emit({"type": "result", "result": result})
    return 0


def _threads_allow() -> None:
    """Give torch, imported before the fork, its compute threads now: its pool begins in this process."""
    torch = sys.modules.get("torch")
    if torch is not None:
        cores = len(os.sched_getaffinity(0))
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or min(_PRELOAD_THREADS_MAX, cores)))


def failure_describe(error: BaseException) -> tuple[str, str, str]:
    """Code, sentence and hint for an exception nobody foresaw."""
    import errno

    text = str(error)
    if isinstance(error, MemoryError) or "allocate memory" in text or "bad_alloc" in text:
        return (
            ErrorCode.LIMIT_MEMORY,
            "The model needed more memory than one job may use.",
            "Choose a smaller image size or batch, or ask an administrator for a higher memory limit.",
        )
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or os.strerror(errno.ENOSPC) in text:  # libraries wrap it, and keep the words
        return (
            ErrorCode.STORAGE_FULL,
            "The worker's disk is full.",
            "Free space, then run the job again.",
        )
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return (
            ErrorCode.LIMIT_OUTPUT,
            "The job wrote more than one job may write.",
            "Choose a smaller model, or ask an administrator for a higher output limit.",
        )
    if "can't start new thread" in text:
        return (
            ErrorCode.LIMIT_PROCESSES,
            "The job started more threads than one job may have.",
            "Try again when the worker is less busy, or ask an administrator for a higher limit.",
        )
    return (
        ErrorCode.ENGINE_ERROR,
        f"The engine stopped with an unexpected error: {type(error).__name__}.",
        "The job's log has the details. Try again; if it happens again, report it with the log.",
    )


def server_environment(*, home: Path, source_root: Path, inherited: dict[str, str]) -> dict[str, str]:
    """The server's whole environment: nothing of the worker's but compute tuning."""
    from deployhub.engine.sandbox.confine import PASSED_ENVIRONMENT

    passed = {key: inherited[key] for key in PASSED_ENVIRONMENT if key in inherited}
    # Ultralytics would set one thread otherwise; no pool starts before the fork either way.
    passed.setdefault("OMP_NUM_THREADS", str(min(_PRELOAD_THREADS_MAX, len(os.sched_getaffinity(0)))))
    return {
        **passed,
        **ENGINE_ENVIRONMENT,
        "PYTHONPATH": str(source_root),
        "HOME": str(home),
        "TMPDIR": str(home),
        "YOLO_CONFIG_DIR": str(home),
        "MPLCONFIGDIR": str(home),
        "XDG_CACHE_HOME": str(home),
    }


if __name__ == "__main__":
    server_main()

"""The keeper: a small trusted process above each job that can always end the job's whole family."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from pathlib import Path

from deployhub.engine.sandbox.confine import Confinement

_POLL_S = 0.2
_OUTPUT_EVERY_S = 1.0
_ENTRIES_MAX = 20_000
_KILL_PATIENCE_S = 5.0


def job_keep(*, job: int, leash: socket.socket, confinement: Confinement) -> None:
    """Wait for the job, watch its memory and its folder, and end its family.

    leash: the worker's socket; any byte or its end means "end the job now". At the end one JSON
    message goes back: {"status": wait status, "limit": "" | "memory" | "output", "stopped": bool}.
    """
    limits = confinement.limits
    baseline = _memory_bytes(job)
    report: dict[str, int | str | bool | None] = {"status": None, "limit": "", "stopped": False}
    ended = os.pidfd_open(job)
    watcher = select.poll()
    watcher.register(ended, select.POLLIN)
    watcher.register(leash, select.POLLIN | select.POLLHUP)
    next_output_check = time.monotonic() + _OUTPUT_EVERY_S
    while True:
        ready = {descriptor for descriptor, _event in watcher.poll(_POLL_S * 1000)}
        if ended in ready:
            break
        if leash.fileno() in ready:
            report["stopped"] = True
            break
        if family_memory_bytes(os.getpid()) > baseline + limits.memory_bytes:
            report["limit"] = "memory"
            break
        if time.monotonic() >= next_output_check:
            if folder_size_exceeds(Path(confinement.workdir), limits.output_bytes):
                report["limit"] = "output"
                break
            next_output_check = time.monotonic() + _OUTPUT_EVERY_S
    report["status"] = family_end(job)
    with contextlib.suppress(OSError):
        leash.send(json.dumps(report).encode())


def family_end(job: int) -> int | None:
    """Kill every descendant of this process until none is left. Returns the job's own wait status.

    This process is their reaper, so one that forks twice and starts a new session comes back to us.
    """
    status: int | None = None
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while time.monotonic() < deadline:
        # First reap what ended by itself, so that its own status counts and not our signal.
        while True:
            try:
                pid, outcome = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return status
            if pid == 0:
                break
            if pid == job:
                status = outcome
        for pid in family(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
    return status


def family(ancestor: int) -> list[int]:
    """Process ids of all descendants of `ancestor`, from /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                # The command's name may hold spaces and brackets: fields begin after the last one.
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    pending = [ancestor]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def _memory_bytes(pid: int) -> int:
    """Private and shared-memory pages of one process; 0 when it is gone."""
    total_kib = 0
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            for line in status:
                if line.startswith((b"RssAnon:", b"RssShmem:")):
                    total_kib += int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return total_kib * 1024


def family_memory_bytes(ancestor: int) -> int:
    """Memory of all descendants together."""
    return sum(_memory_bytes(pid) for pid in family(ancestor))


def folder_size_exceeds(workdir: Path, limit_bytes: int) -> bool:
    """Whether out/ and tmp/ hold more than the limit, or more entries than any honest job makes."""
    total = entries = 0
    pending = [workdir / "out", workdir / "tmp"]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    entries += 1
                    if entries > _ENTRIES_MAX:
                        return True
                    with contextlib.suppress(OSError):
                        # Blocks on disk, not the length: a sparse file holds nothing yet.
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
        except OSError:
            continue
        if total > limit_bytes:
            return True
    return total > limit_bytes

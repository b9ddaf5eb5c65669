"""Follow a job to its end: phases live on a terminal, one line each elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, WaitInterrupted, WorkCancelled
from deployhub.client.terminal import Terminal, plain
from deployhub.kernel.units import duration_text

POLL_FIRST_S = 0.3
POLL_MAX_S = 2.0
ENDED = ("succeeded", "failed", "cancelled")
Show = Callable[[dict[str, Any]], None]


def job_follow(server: Server, terminal: Terminal, job_id: str, *, with_log: bool = False) -> dict[str, Any]:
    """The job when it has ended, however it ended. Raises WaitInterrupted on Ctrl-C; the job goes on then."""
    after = 0
    pause_s = POLL_FIRST_S
    try:
        with _phases(terminal) as show:
            while True:
                job: dict[str, Any] = server.get(f"jobs/{job_id}/")
                if with_log:
                    after = log_print(server, terminal, job_id, after=after, line=terminal.note)
                show(job)
                if job["state"] in ENDED:
                    return job
                time.sleep(pause_s)
                pause_s = min(pause_s * 1.3, POLL_MAX_S)
    except KeyboardInterrupt as interrupt:
        raise WaitInterrupted(
            "Stopped waiting; the job goes on.",
            hint=f"Follow it: deployhub job {job_id} --follow. Cancel it: deployhub cancel {job_id}.",
            facts={"job_id": job_id},
        ) from interrupt


def job_check(job: dict[str, Any]) -> None:
    """Nothing when the job succeeded. Raises CommandFailed or WorkCancelled."""
    facts = {"job_id": job["id"], "job_state": job["state"]}
    if job["state"] == "cancelled":
        raise WorkCancelled(
            f"{job['title']}: cancelled.", hint=f"Run it again: deployhub retry {job['id']}.", facts=facts
        )
    if job["state"] == "failed":
        cause = job.get("error") or {}
        raise CommandFailed(
            f"{job['title']} failed: {cause.get('detail') or 'no cause was recorded.'}",
            hint=cause.get("hint") or f"See its log: deployhub job {job['id']} --log.",
            facts={**facts, "code": cause.get("code", "")},
        )


def log_print(
    server: Server, terminal: Terminal, job_id: str, *, after: int, line: Callable[[str], None]
) -> int:
    """Print the log's lines after the cursor; returns the new cursor."""
    while True:
        page = server.get(f"jobs/{job_id}/log/", after=after)
        for entry in page["lines"]:
            line(f"{entry['at'][11:19]}  {entry['level']:<7}  {entry['text']}")
        is_last = len(page["lines"]) == 0 or page["after"] == after
        after = page["after"]
        if is_last:
            return after


def phase_line(phase: dict[str, Any]) -> str:
    mark = {"done": "done", "failed": "failed"}.get(phase["state"], "running")
    return f"  {phase['name']}: {mark} ({duration_text(phase['elapsed_s'])})"


def _amount(phase: dict[str, Any]) -> str:
    if not phase["total"]:
        return ""
    return f"{phase['done']} of {phase['total']} {phase['unit']}".rstrip()


@contextlib.contextmanager
def _phases(terminal: Terminal) -> Iterator[Show]:
    if not terminal.is_live:
        yield _Lines(terminal).show
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(finished_text="•"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[amount]}", markup=False),
        TextColumn("{task.fields[took]}", markup=False),
    )
    with Progress(*columns, console=terminal.live_console()) as progress:
        yield _Bars(progress).show


class _Lines:
    """For logs of a pipeline: a line when the state changes and when a phase ends."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.state = ""
        self.told: set[tuple[int, int]] = set()

    def show(self, job: dict[str, Any]) -> None:
        if job["state"] != self.state:
            self.state = job["state"]
            self.terminal.note(f"{job['title']}: {self.state}")
        for index, phase in enumerate(job["phases"]):
            key = (job["attempt"], index)
            if phase["state"] != "running" and key not in self.told:
                self.told.add(key)
                self.terminal.note(phase_line(phase))


class _Bars:
    """For a terminal: a bar for each phase, drawn anew."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.waiting: Any = None
        self.tasks: dict[tuple[int, int], Any] = {}

    def show(self, job: dict[str, Any]) -> None:
        if self.waiting is None:
            self.waiting = self.progress.add_task("", total=None, amount="", took="")
        ended = job["state"] in ENDED
        self.progress.update(
            self.waiting,
            description=plain(f"{job['title']}: {job['state']}"),
            total=1 if ended else None,
            completed=1 if ended else 0,
            took=duration_text(job["elapsed_s"]) if job["elapsed_s"] is not None else "",
        )
        for index, phase in enumerate(job["phases"]):
            key = (job["attempt"], index)
            if key not in self.tasks:
                self.tasks[key] = self.progress.add_task(
                    f"  {plain(phase['name'])}", total=None, amount="", took=""
                )
            is_over = phase["state"] != "running"
            self.progress.update(
                self.tasks[key],
                total=(phase["total"] or 1) if is_over else phase["total"],
                completed=(phase["total"] or 1) if is_over else phase["done"],
                amount=plain(_amount(phase) if phase["state"] != "failed" else "failed"),
                took=duration_text(phase["elapsed_s"]),
            )

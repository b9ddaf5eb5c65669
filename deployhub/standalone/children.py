"""One child of the supervisor: how it is started, what it says, when it is started again."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

BACK_OFF_FIRST_S = 0.5
BACK_OFF_MOST_S = 30.0
STEADY_AFTER_S = 30.0  # who lived this long was well: its next death starts the back-off again
GIVE_UP_AFTER = 5

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def orphans_adopt() -> None:
    """Let orphans below this process become its children, so that a dead worker's engine runs can be ended."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Let the kernel send this process a signal when the parent that it has now ends."""
    parent = os.getppid()
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


@dataclass
class Child:
    """A program that must run as long as the supervisor does (or once, where `once` is set)."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    once: bool = False
    keep_descriptors: tuple[int, ...] = ()
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths_in_a_row: int = 0
    status: int | None = None
    unfinished_line: bytes = field(default=b"", repr=False)

    @property
    def is_alive(self) -> bool:
        return self.popen is not None and self.status is None

    @property
    def pid(self) -> int:
        if self.popen is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.popen.pid

    def start(self) -> int:
        """Start the program; returns the descriptor of its output."""
        supervisor_pid = os.getpid()

        def die_with_the_supervisor() -> None:
            # The watcher ends children in order and in full; this is the second line, kept by the kernel.
            if _libc is not None:
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
                if os.getppid() != supervisor_pid:
                    os._exit(1)

        self.status = None
        self.unfinished_line = b""
        self.popen = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the others in order
            pass_fds=self.keep_descriptors,
            preexec_fn=die_with_the_supervisor,
        )
        self.started_at = time.monotonic()
        if self.popen.stdout is None:
            raise RuntimeError("the child has no output")
        os.set_blocking(self.popen.stdout.fileno(), False)
        return self.popen.stdout.fileno()

    def ended(self, status: int) -> None:
        """Take the exit status that the supervisor reaped."""
        self.status = status
        if self.popen is not None:
            self.popen.returncode = status
        if time.monotonic() - self.started_at > STEADY_AFTER_S:
            self.deaths_in_a_row = 0
        self.deaths_in_a_row += 1

    @property
    def back_off_s(self) -> float:
        return min(BACK_OFF_FIRST_S * 2 ** (self.deaths_in_a_row - 1), BACK_OFF_MOST_S)

    @property
    def is_hopeless(self) -> bool:
        return self.deaths_in_a_row >= GIVE_UP_AFTER

    def send(self, number: int) -> None:
        if self.is_alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def lines_split(self, chunk: bytes) -> list[str]:
        """Whole lines among what was read; the rest waits for its end (of at most 64 KB)."""
        *lines, self.unfinished_line = (self.unfinished_line + chunk).split(b"\n")
        if len(self.unfinished_line) > 65536:
            lines.append(self.unfinished_line)
            self.unfinished_line = b""
        return [line.decode(errors="replace") for line in lines]


def ending_in_words(status: int) -> str:
    """How a program ended, for a reader: `was killed (SIGKILL)`, `stopped with status 1`."""
    if status < 0:
        try:
            return f"was killed ({signal.Signals(-status).name})"
        except ValueError:
            return f"was killed (signal {-status})"
    return f"stopped with status {status}"

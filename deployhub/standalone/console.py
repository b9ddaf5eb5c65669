"""One calm log: every child's lines behind its name, and all of them in rotating files."""

import logging
import os
import re
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 5 * 1024 * 1024
FILES_KEPT = 3
NAME_WIDTH = 9

COLOURS = {
    "deployhub": "1",
    "web": "34",
    "worker": "35",
    "beat": "36",
    "valkey": "32",
    "database": "33",
    "redirect": "34",
}

# Stamps and levels that the children put before their words: the console has its own.
_STAMPS = (
    re.compile(r"^\[[^\]]*: (?P<level>[A-Z]+)/[^\]]*\] "),  # Celery
    re.compile(r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):? +"),  # uvicorn, Django
    re.compile(
        r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?\]? *\[?(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)?\]?:? *"
    ),
    re.compile(r"^\d+:[MCSX] \d+ \w+ \d{4} [\d:.]+ (?P<mark>[.*#-]) "),  # Valkey
)
# True, but of no use to the person at the console; the files have them.
_UNINTERESTING = (
    # uvicorn
    re.compile(
        r"^(Started|Finished) server process|^Uvicorn running on|^Waiting for application|^Shutting down$"
    ),
    # Celery as root: the engine drops to an ordinary user by itself before it opens a model
    re.compile(
        r"superuser privileges|^Please specify a different user|^User information: uid|^absolutely not"
    ),
    re.compile(r"_warn_or_raise_security_error|^warnings\.warn\("),
    re.compile(
        r"^celery\.beat: (Scheduler: Sending due task|beat: Starting)|^celery\.worker\.strategy: Task "
    ),
    re.compile(r"^celery\.app\.trace: Task deployhub\.(jobs\.reconcile|portal\.sweep)\S* succeeded"),
    # Valkey
    re.compile(r"Memory overcommit|signal-handler|bye bye"),
)


class Console:
    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._files: dict[str, logging.Logger] = {}
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str) -> None:
        """A sentence of the supervisor itself."""
        for line in text.splitlines():
            self._file("deployhub").info("%s", line)
            self._show("deployhub", line)

    def child_line(self, name: str, line: str) -> None:
        """One line that a child wrote: always into its file, on the console from INFO upwards."""
        line = line.rstrip()
        if not line:
            return
        self._file(name).info("%s", line)
        level, mark = "INFO", ""
        for stamp in _STAMPS:
            if match := stamp.match(line):
                found = match.groupdict()
                level = found.get("level") or level
                mark = found.get("mark") or mark
                line = line[match.end() :]
        if level == "DEBUG" or (mark and mark != "#"):
            return
        words = line.strip()
        if not words or any(pattern.search(words) for pattern in _UNINTERESTING):
            return
        self._show(name, line, loud=level in ("WARNING", "ERROR", "CRITICAL"))

    def secret(self, lines: list[str]) -> None:
        """A box that is shown on the console and written to no file."""
        width = max(len(line) for line in lines) + 4
        print("\n  ┌" + "─" * width + "┐")
        for line in lines:
            print("  │  " + line.ljust(width - 2) + "│")
        print("  └" + "─" * width + "┘\n", flush=True)

    def close(self) -> None:
        for logger in self._files.values():
            for handler in logger.handlers:
                handler.close()

    def last_lines(self, name: str, count: int) -> list[str]:
        try:
            return (self._logs / f"{name}.log").read_text(errors="replace").splitlines()[-count:]
        except OSError:
            return []

    def _show(self, name: str, line: str, *, loud: bool = False) -> None:
        prefix = name.ljust(NAME_WIDTH)
        if self._colour:
            prefix = f"\033[{COLOURS.get(name, '0')}m{prefix}\033[0m"
            line = f"\033[33m{line}\033[0m" if loud else line
        try:
            print(f"{time.strftime('%H:%M:%S')} {prefix} │ {line}", flush=True)
        except OSError:
            # The terminal is gone; the files still have everything.
            return

    def _file(self, name: str) -> logging.Logger:
        if name not in self._files:
            handler = RotatingFileHandler(
                self._logs / f"{name}.log", maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
            )
            formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(message)s", "%Y-%m-%dT%H:%M:%S")
            formatter.converter = time.gmtime
            handler.setFormatter(formatter)
            logger = logging.Logger(name)  # outside the global tree: nobody else's settings apply
            logger.addHandler(handler)
            self._files[name] = logger
        return self._files[name]

"""What a command says: the answer on stdout, progress and failures on stderr.

Names, notes and log lines were written by others, so nothing of them may steer the terminal.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from deployhub.client.failures import CommandFailed
from deployhub.kernel.units import size_text

if TYPE_CHECKING:
    from rich.console import Console

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: object) -> str:
    """The text without control characters, escape sequences and reversals of direction."""
    return _CONTROLS.sub("", str(text))


class Gauge(Protocol):
    """Something that shows how far a transfer has come."""

    def __call__(self, done_bytes: int) -> None: ...


class Terminal:
    def __init__(self, *, is_json: bool, is_quiet: bool, has_color: bool) -> None:
        self.is_json = is_json
        self.is_quiet = is_quiet
        self._no_color = None if has_color else True  # None: rich looks at NO_COLOR and the terminal itself
        self._consoles: dict[str, Console] = {}

    def _console(self, stream: str) -> Console:
        # Made at first use: importing rich costs more than a short command does.
        if stream not in self._consoles:
            from rich.console import Console

            self._consoles[stream] = Console(
                stderr=stream == "stderr", no_color=self._no_color, highlight=False, emoji=False, markup=False
            )
        return self._consoles[stream]

    @property
    def is_live(self) -> bool:
        """Whether lines on stderr can be redrawn."""
        return not self.is_quiet and self._console("stderr").is_terminal

    def answer(self, document: Any, text: Callable[[], None]) -> None:
        """The outcome: one JSON document, or what `text` prints."""
        if self.is_json:
            print(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            text()

    def line(self, text: str, *, style: str = "") -> None:
        """One line of the answer."""
        self._console("stdout").print(plain(text), style=style or None, soft_wrap=True)

    def note(self, text: str, *, style: str = "") -> None:
        """One line about what goes on; silent with --quiet."""
        if not self.is_quiet:
            self._console("stderr").print(plain(text), style=style or None, soft_wrap=True)

    def warn(self, text: str) -> None:
        self._console("stderr").print(plain(text), style="yellow", soft_wrap=True)

    def failure(self, failed: CommandFailed) -> None:
        """Two calm lines on stderr; with --json the same as a document on stdout."""
        print(plain(failed.detail), file=sys.stderr)
        if failed.hint:
            print(plain(failed.hint), file=sys.stderr)
        if self.is_json:
            problem = {"detail": failed.detail, "hint": failed.hint, **failed.facts}
            print(
                json.dumps(
                    {"error": problem, "exit_code": int(failed.exit_code)}, indent=2, ensure_ascii=False
                )
            )

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
        """Columns for a person on a terminal, tab-separated lines for a program behind a pipe."""
        if not rows:
            self.note(empty)
            return
        console = self._console("stdout")
        if not console.is_terminal:
            print("\t".join(column.upper() for column in columns))
            for row in rows:
                print("\t".join(plain(cell).replace("\t", " ").replace("\n", " ") for cell in row))
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, no_wrap=column == "Id", overflow="fold")
        for row in rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        console.print(table)

    @contextlib.contextmanager
    def transfer(self, title: str, *, total_bytes: int) -> Iterator[Gauge]:
        """A progress bar in bytes, with rate and time left; one closing line where lines can't be redrawn."""
        if not self.is_live:
            self.note(f"{title} ({size_text(total_bytes)})")
            yield lambda done_bytes: None
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(TextColumn):
            """rich's own column counts in thousands, beside sizes that are counted in 1,024s."""

            def render(self, task: Task) -> Text:
                return Text(f"{size_text(int(task.speed))}/s" if task.speed else "")

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            Rate(""),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console("stderr")) as progress:
            task = progress.add_task(plain(title), total=total_bytes)
            yield lambda done_bytes: progress.update(task, completed=done_bytes)

    def live_console(self) -> Console:
        return self._console("stderr")

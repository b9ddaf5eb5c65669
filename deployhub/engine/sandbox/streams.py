"""Read a job's two streams with bounds: the writer may be hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

EVENT_LINE_BYTES_MAX = 8 * 1024**2
EVENT_BYTES_MAX = 64 * 1024**2
LOG_LINE_CHARS_MAX = 2000
LOG_LINES_MAX = 5000
_TEXT_CHARS_MAX = 2000
_TAIL_CHARS = 4000
_CODE_CHARS_MAX = 60
_LEVELS = ("debug", "info", "warning", "error")

Handler = Callable[[dict[str, Any]], None]


class EventStream:
    """JSON lines to checked events; keeps the last `result` and the first `error` aside."""

    def __init__(self, on_event: Handler) -> None:
        self._on_event = on_event
        self._pending = bytearray()
        self._read_bytes = 0
        self._logs = 0
        self.result: dict[str, Any] | None = None
        self.error: dict[str, str] | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; what goes over the bounds is dropped."""
        self._read_bytes += len(chunk)
        if self._read_bytes > EVENT_BYTES_MAX:
            self._pending.clear()
            return
        self._pending += chunk
        while (end := self._pending.find(b"\n")) >= 0:
            line = bytes(self._pending[:end])
            del self._pending[: end + 1]
            self._line(line)
        if len(self._pending) > EVENT_LINE_BYTES_MAX:
            self._pending.clear()

    def finish(self) -> None:
        """The writer is gone: half a line is no event."""
        self._pending.clear()

    def _line(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        match event.get("type"):
            case "phase":
                total = event.get("total")
                self._on_event(
                    {
                        "type": "phase",
                        "name": text_clean(event.get("name"), 100),
                        "total": total if isinstance(total, int) and total >= 0 else None,
                        "unit": text_clean(event.get("unit", ""), 40),
                    }
                )
            case "progress" if isinstance(event.get("done"), int | float):
                self._on_event({"type": "progress", "done": max(0, int(min(event["done"], 2**53)))})
            case "log":
                self._logs += 1
                if self._logs <= LOG_LINES_MAX:
                    level = event.get("level")
                    self._on_event(
                        {
                            "type": "log",
                            "level": level if level in _LEVELS else "info",
                            "text": text_clean(event.get("text"), LOG_LINE_CHARS_MAX),
                        }
                    )
            case "result" if isinstance(event.get("result"), dict):
                self.result = event["result"]
            case "error" if self.error is None:
                self.error = {
                    "code": text_clean(event.get("code"), _CODE_CHARS_MAX) or "engine_error",
                    "detail": text_clean(event.get("detail"), _TEXT_CHARS_MAX) or "The engine failed.",
                    "hint": text_clean(event.get("hint", ""), _TEXT_CHARS_MAX),
                }
            case _:
                return


class LogStream:
    """Standard output and error of a job as log events, at most LOG_LINES_MAX of them."""

    def __init__(self, on_event: Handler) -> None:
        self._on_event = on_event
        self._pending = bytearray()
        self._lines = 0
        self.tail = ""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._pending += chunk.replace(b"\r", b"\n")
        while (end := self._pending.find(b"\n")) >= 0:
            self._line(bytes(self._pending[:end]))
            del self._pending[: end + 1]
        if len(self._pending) > 4 * LOG_LINE_CHARS_MAX:
            self.finish()

    def finish(self) -> None:
        """Hand out an unfinished last line too: a crash often leaves one."""
        if self._pending:
            self._line(bytes(self._pending))
            self._pending.clear()

    def _line(self, line: bytes) -> None:
        text = text_clean(line.decode("utf-8", errors="replace"), LOG_LINE_CHARS_MAX).strip()
        if not text:
            return
        self.tail = (self.tail + "\n" + text)[-_TAIL_CHARS:]
        self._lines += 1
        if self._lines < LOG_LINES_MAX:
            self._on_event({"type": "log", "level": "info", "text": text})
        elif self._lines == LOG_LINES_MAX:
            self._on_event({"type": "log", "level": "warning", "text": "Further output is left out."})


def text_clean(value: object, chars_max: int) -> str:
    """Printable text of bounded length; terminal control sequences and odd types don't get through."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:chars_max] if c.isprintable() or c in "\n\t")

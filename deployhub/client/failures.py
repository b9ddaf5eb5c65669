"""Exit codes, and the failures that a command ends with: what happened, and what to do about it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """docs/api.md promises these to pipelines."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    CANCELLED = 6
    INTERRUPTED = 130


class CommandFailed(Exception):
    """Ends the command with `exit_code`. `facts` go into the JSON answer."""

    exit_code = Exit.FAILED

    def __init__(self, detail: str, *, hint: str = "", facts: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.facts = facts or {}


class UsageWrong(CommandFailed):
    exit_code = Exit.USAGE


class NotSignedIn(CommandFailed):
    exit_code = Exit.NOT_ALLOWED


class NotThere(CommandFailed):
    exit_code = Exit.NOT_FOUND


class Unreachable(CommandFailed):
    """The server did not answer, also not when asked again."""

    exit_code = Exit.UNREACHABLE


class WorkCancelled(CommandFailed):
    exit_code = Exit.CANCELLED


class WaitInterrupted(CommandFailed):
    """Ctrl-C while something goes on at the server."""

    exit_code = Exit.INTERRUPTED


EXIT_OF_STATUS = {
    400: Exit.USAGE,
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    404: Exit.NOT_FOUND,
    429: Exit.UNREACHABLE,
    502: Exit.UNREACHABLE,
    503: Exit.UNREACHABLE,
    504: Exit.UNREACHABLE,
}
"""Any other status ends with FAILED: the server understood, and could not do it."""


class ServerRefused(CommandFailed):
    """An answer of 400 and above; problem+json (RFC 9457) where the server is DeployHub."""

    def __init__(self, *, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.problem = problem
        self.exit_code = EXIT_OF_STATUS.get(status, Exit.FAILED)
        super().__init__(
            _sentence(status, problem),
            hint=str(problem.get("hint") or _HINTS.get(status, "")),
            facts={"status": status, **{name: problem[name] for name in _TOLD if name in problem}},
        )


_TOLD = ("code", "request_id", "errors", "version_id", "number")
_HINTS = {
    401: "Run `deployhub login`, or set DEPLOYHUB_TOKEN.",
    403: "Ask an owner of the project for a role, or use a token with a wider scope.",
    404: "Check the name or id; projects that you have no role in look the same.",
    429: "Wait a minute, then run the command again.",
    500: "The server's log has the details under the request id.",
    502: "A proxy answered, but DeployHub behind it did not. Try again in a moment.",
    503: "Try again in a moment.",
    504: "A proxy answered, but DeployHub behind it did not. Try again in a moment.",
}


def _sentence(status: int, problem: dict[str, Any]) -> str:
    detail = str(
        problem.get("detail") or problem.get("title") or f"The server answered with status {status}."
    )
    errors = problem.get("errors")
    if isinstance(errors, dict) and errors:
        fields = []
        for name, sentences in errors.items():
            said = " ".join(map(str, sentences)) if isinstance(sentences, list) else str(sentences)
            if detail in said or said in detail:
                continue  # the same once more, in the words of the field
            is_general = name in ("non_field_errors", "__all__")
            fields.append(said if is_general else f"{name.removeprefix('options.')}: {said}")
        detail = " ".join([detail, *fields])
    return detail

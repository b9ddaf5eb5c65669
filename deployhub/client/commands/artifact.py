"""artifact replay: make an artifact again and say how alike the two are."""

from __future__ import annotations

from typing import Any

from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, UsageWrong
from deployhub.client.following import job_check, job_follow
from deployhub.client.references import is_id
from deployhub.client.terminal import Terminal


def artifact_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    """Exit code 1 when the two differ, so that a script notices."""
    if not is_id(arguments.artifact):
        raise UsageWrong(
            f"{arguments.artifact!r} is no id of an artifact.", hint="`deployhub artifacts` lists them."
        )
    job = server.create("replays/", {"artifact": arguments.artifact}).json()
    if not arguments.wait:
        terminal.answer(job, lambda: terminal.line(f"{job['title']}: {job['state']}. Job {job['id']}"))
        return
    job = job_follow(server, terminal, job["id"])
    job_check(job)
    outcome, detail = job["result"].get("outcome", ""), job["result"].get("detail", "")
    terminal.answer(job, lambda: terminal.line(f"{outcome.replace('_', ' ')}: {detail}"))
    if outcome == "different":
        raise CommandFailed("The artifact that was made again is different.", hint=detail)

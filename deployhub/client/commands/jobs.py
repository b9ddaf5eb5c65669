"""jobs, job, cancel, retry."""

from __future__ import annotations

from typing import Any

from deployhub.client.connection import Server
from deployhub.client.failures import ServerRefused, UsageWrong
from deployhub.client.following import job_check, job_follow, log_print, phase_line
from deployhub.client.references import is_id
from deployhub.client.terminal import Terminal
from deployhub.kernel.units import duration_text


def jobs_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    rows = list(
        server.rows(
            "jobs/",
            limit=arguments.limit,
            state=arguments.state,
            project=arguments.project,
            mine="true" if arguments.mine else None,
        )
    )
    cells = [
        (
            row["id"],
            row["state"],
            row["title"],
            row["project"],
            row["requested_by"] or "",
            _when(row),
            _took(row),
        )
        for row in rows
    ]
    terminal.answer(
        {"results": rows},
        lambda: terminal.table(
            ("Id", "State", "Title", "Project", "By", "Asked for (UTC)", "Took"), cells, empty="No jobs."
        ),
    )


def job_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    job_id = _job_id(arguments)
    if arguments.follow:
        job = job_follow(server, terminal, job_id, with_log=arguments.log)
        job_check(job)
    else:
        job = server.get(f"jobs/{job_id}/")
    log: list[str] = []
    if arguments.log and not arguments.follow:
        log_print(server, terminal, job_id, after=0, line=log.append)

    def text() -> None:
        _job_text(terminal, job)
        for line in log:
            terminal.line(line)

    terminal.answer({**job, "log": log} if arguments.log and not arguments.follow else job, text)


def cancel_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    job_id = _job_id(arguments)
    try:
        job = server.create(f"jobs/{job_id}/cancel/").json()
        said = "cancelled" if job["state"] == "cancelled" else "will stop within two seconds"
    except ServerRefused as error:
        # An earlier try, whose answer was lost, may have done it.
        if error.status != 409:
            raise
        job = server.get(f"jobs/{job_id}/")
        if job["state"] != "cancelled" and (job["state"] != "running" or not job["cancel_requested_at"]):
            raise
        said = "was cancelled already"
    terminal.answer(job, lambda: terminal.line(f"{job['title']}: {said}."))


def retry_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    job = server.create(f"jobs/{_job_id(arguments)}/retry/").json()
    if arguments.wait:
        job = job_follow(server, terminal, job["id"])
        job_check(job)
    terminal.answer(job, lambda: terminal.line(f"{job['title']}: {job['state']}."))


def _job_id(arguments: Any) -> str:
    if not is_id(arguments.job):
        raise UsageWrong(f"{arguments.job!r} is no id of a job.", hint="`deployhub jobs` lists them.")
    return str(arguments.job)


def _job_text(terminal: Terminal, job: dict[str, Any]) -> None:
    terminal.line(f"{job['title']}: {job['state']}")
    terminal.line(f"  id       {job['id']}")
    terminal.line(f"  project  {job['project']}")
    terminal.line(f"  asked    {_when(job)} UTC by {job['requested_by'] or 'DeployHub'}")
    if job["elapsed_s"] is not None:
        terminal.line(f"  took     {_took(job)}")
    if artifact_id := (job["result"] or {}).get("artifact_id"):
        terminal.line(f"  artifact {artifact_id}")
    for phase in job["phases"]:
        terminal.line(phase_line(phase))
    if job["error"]:
        terminal.line(f"  {job['error']['detail']}")
        if job["error"]["hint"]:
            terminal.line(f"  {job['error']['hint']}")


def _when(job: dict[str, Any]) -> str:
    return str(job["created_at"])[:16].replace("T", " ")


def _took(job: dict[str, Any]) -> str:
    return duration_text(job["elapsed_s"]) if job["elapsed_s"] is not None else ""

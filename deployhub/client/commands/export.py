"""export: a version becomes an artifact."""

from __future__ import annotations

from typing import Any

from deployhub.client.commands.pull import pull, pulled_text
from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, UsageWrong
from deployhub.client.following import job_check, job_follow
from deployhub.client.references import version_find, version_label
from deployhub.client.terminal import Terminal
from deployhub.kernel.units import size_text


def export_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    options = _options(arguments)
    version = version_find(server, arguments.version)
    body = {"version": version["id"], "format": arguments.format, "options": options}
    response = server.create("exports/", body)
    asked = response.json()
    job_id, artifact_id = asked["job"], asked["artifact"]
    is_known = response.status_code == 200
    waits = arguments.wait or arguments.pull is not None
    if is_known:
        terminal.note("The same export was made before; this is its artifact.")
    job: dict[str, Any] | None = None
    if artifact_id is None and waits:
        job = job_follow(server, terminal, job_id)
        job_check(job)
        artifact_id = server.get(f"exports/{asked['id']}/")["artifact"]
        if artifact_id is None:
            raise CommandFailed(
                "The job ended without an artifact.", hint=f"See its log: deployhub job {job_id} --log."
            )
    artifact = server.get(f"artifacts/{artifact_id}/") if artifact_id else None
    pulled: dict[str, Any] = {}
    if artifact is not None and arguments.pull is not None:
        folder = arguments.pull if arguments.pull.endswith("/") else f"{arguments.pull}/"
        pulled = pull(terminal, server, artifact, output=folder, keep_zip=False, replaces=False)

    def text() -> None:
        if artifact is None:
            terminal.line(f"{version_label(version)} to {arguments.format}: queued")
            terminal.line(f"  job  {job_id}")
            terminal.note(f"Follow it: deployhub job {job_id} --follow")
            return
        artifact_text(terminal, artifact)
        if pulled:
            pulled_text(terminal, artifact, pulled)

    terminal.answer(
        {"export": asked, "known": is_known, "job": job or job_id, "artifact": artifact, **pulled}, text
    )


def _options(arguments: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    given = list(arguments.options)
    if arguments.precision is not None:
        given.append(("precision", arguments.precision))
    for name, value in given:
        if name in options and options[name] != value:
            raise UsageWrong(f"The option {name} is given twice, with different values.")
        options[name] = value
    return options


def artifact_text(terminal: Terminal, artifact: dict[str, Any]) -> None:
    said = {
        "verified": "verified: it agrees with its source",
        "loadable": "loadable: its runtime opens and runs it",
        "exported": "exported: it was not run here",
    }[artifact["proof"]]
    terminal.line(f"{artifact['file_name']}: {said}")
    if artifact["proof_reason"]:
        terminal.line(f"  {artifact['proof_reason']}")
    terminal.line(f"  id      {artifact['id']}")
    terminal.line(f"  size    {size_text(artifact['size_bytes'])}")
    latency = artifact["latency_ms"]
    if latency.get("artifact") is not None and latency.get("source") is not None:
        terminal.line(f"  runs in {latency['artifact']:.1f} ms; its source in {latency['source']:.1f} ms")

"""push: a model file becomes a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, NotThere, ServerRefused, UsageWrong
from deployhub.client.following import job_check, job_follow
from deployhub.client.references import is_id, model_find, project_find, version_label
from deployhub.client.terminal import Terminal
from deployhub.client.uploading import Uploading, file_digest
from deployhub.kernel.units import count_text, size_text


def push_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    path = Path(arguments.file)
    if not path.is_file():
        raise UsageWrong(f"There is no file {path}.")
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise UsageWrong(f"{path} is empty.")
    # Asked first, so that a wrong name is told before a gigabyte was sent.
    arguments.project = project_find(server, arguments.project)["slug"]
    model = model_find(server, project=arguments.project, model=arguments.model)
    if model is None and (not arguments.create or is_id(arguments.model)):
        raise NotThere(
            f"There is no model {arguments.model} in the project {arguments.project}.",
            hint="Name one that `deployhub models` lists, or add --create.",
        )
    sha256 = _digest(terminal, path, size_bytes)
    known = _version_of(server, model, sha256) if model is not None else None
    if known is None:
        known, made = _version_make(arguments, terminal, server, path, model, sha256)
    else:
        made = None
    if made is None:
        assert known is not None
        _finish(arguments, terminal, server, version=known, job_id=known.get("inspection_job"), is_new=False)
    else:
        _finish(arguments, terminal, server, version=made["version"], job_id=made["job"], is_new=True)


def _digest(terminal: Terminal, path: Path, size_bytes: int) -> str:
    if size_bytes < 256 * 1024**2:
        return file_digest(path)
    with terminal.transfer(f"Reading {path.name}", total_bytes=size_bytes) as gauge:
        return file_digest(path, gauge=gauge)


def _version_of(server: Server, model: dict[str, Any], sha256: str) -> dict[str, Any] | None:
    """The version of the model that is this very file."""
    for row in server.rows("versions/", limit=1, model=model["id"], sha256=sha256):
        version: dict[str, Any] = server.get(f"versions/{row['id']}/")
        return version
    return None


def _version_make(
    arguments: Any, terminal: Terminal, server: Server, path: Path, model: dict[str, Any] | None, sha256: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Upload and register. (the version that was there already, None) or (None, the answer about the new one)."""
    uploading = Uploading(server, path, project=arguments.project, sha256=sha256)
    with terminal.transfer(f"Uploading {path.name}", total_bytes=uploading.size_bytes) as gauge:
        upload_id = uploading.run(gauge)
    if uploading.resumed_at_bytes:
        terminal.note(f"Went on at {size_text(uploading.resumed_at_bytes)}, where the last upload stopped.")
    # The model may have come to be while the file was on its way, through another pipeline perhaps.
    if model is None:
        model = model_find(server, project=arguments.project, model=arguments.model)
    body: dict[str, Any] = {"upload": upload_id}
    body.update({"model": model["id"]} if model is not None else {"model_name": arguments.model})
    if arguments.notes:
        body["notes"] = arguments.notes
    try:
        made: dict[str, Any] = server.create("versions/", body).json()
    except ServerRefused as error:
        if error.code == "version_exists" and "version_id" in error.problem:
            uploading.unfinished.forget()
            return server.get(f"versions/{error.problem['version_id']}/"), None
        if error.code == "upload_used" or error.status in (400, 410):
            uploading.unfinished.forget()  # the same bytes would be refused again, or are no longer there
        if error.status == 400 and "upload" in error.problem.get("errors", {}):
            # Not the command is wrong: the file is no model.
            raise CommandFailed(error.detail, hint=error.hint, facts=error.facts) from error
        raise
    uploading.unfinished.forget()
    return None, made


def _finish(
    arguments: Any,
    terminal: Terminal,
    server: Server,
    *,
    version: dict[str, Any],
    job_id: str | None,
    is_new: bool,
) -> None:
    job: dict[str, Any] | None = None
    if not is_new:
        terminal.note(f"This file is {version_label(version)} already; no new version was made.")
    if arguments.wait and job_id and version["state"] == "quarantined":
        if is_new:
            terminal.note(f"{version_label(version)} has arrived and is being inspected.")
        job = job_follow(server, terminal, job_id)
        version = server.get(f"versions/{version['id']}/")
    facts = {"version_id": version["id"], "job_id": job_id}
    if version["state"] == "refused":
        raise CommandFailed(
            f"{version_label(version)} was refused: {version['refusal']}",
            hint=f"See it at {server.account.url}/versions/{version['id']}/.",
            facts={**facts, "code": "refused"},
        )
    if job is not None:
        job_check(job)

    def text() -> None:
        terminal.line(f"{version_label(version)}: {_state_text(version)}")
        terminal.line(f"  id      {version['id']}")
        terminal.line(f"  sha256  {version['sha256']}")
        if version["state"] == "quarantined" and job_id:
            terminal.line(f"  job     {job_id}")

    terminal.answer({"version": version, "created": is_new, "job": job_id}, text)


def _state_text(version: dict[str, Any]) -> str:
    if version["state"] != "accepted":
        return "being inspected"
    facts = [f"{version['architecture']}{version['variant']}", version["task"] or ""]
    if version["image_size_px"]:
        facts.append(f"{version['image_size_px']} px")
    if version["parameters"]:
        facts.append(f"{count_text(version['parameters'])} parameters")
    return f"accepted ({', '.join(filter(None, facts))})"

"""dataset push, list, show: folders and zips of labelled images."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, NotThere, ServerRefused, UsageWrong
from deployhub.client.following import job_check, job_follow
from deployhub.client.packing import folder_pack
from deployhub.client.references import is_id, model_short_name, project_find
from deployhub.client.terminal import Terminal
from deployhub.client.uploading import Uploading, file_digest
from deployhub.kernel.units import size_text

EXAMPLES_SHOWN = 3


def dataset_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    {"push": _push, "list": _list, "show": _show}[arguments.action](arguments, terminal, server)


def _push(arguments: Any, terminal: Terminal, server: Server) -> None:
    if not arguments.path:
        raise UsageWrong(
            "Name the folder or zip file to push.", hint="deployhub dataset push FOLDER --project NAME"
        )
    if not arguments.project:
        raise UsageWrong("Name the project.", hint="Add --project NAME.")
    path = Path(arguments.path)
    if not path.exists():
        raise UsageWrong(f"There is no file or folder {path}.")
    project = project_find(server, arguments.project)["slug"]
    name = arguments.name or path.resolve().stem
    known = _dataset_find(server, project=project, name=name)
    with tempfile.TemporaryDirectory(prefix="deployhub-dataset-") as folder:
        archive = path
        if path.is_dir():
            archive = Path(folder) / f"{model_short_name(path.resolve().name) or 'dataset'}.zip"
            packed = folder_pack(path, archive)
            terminal.note(f"Packed {packed} files of {path} ({size_text(archive.stat().st_size)}).")
        version, job_id, is_new = _upload(
            arguments, terminal, server, archive, project=project, name=name, known=known
        )
    if not arguments.no_wait and job_id and version["state"] == "checking":
        job = job_follow(server, terminal, job_id)
        version = server.get(f"dataset-versions/{version['id']}/")
        if version["state"] == "checking":
            job_check(job)
    _answer(terminal, server, version, {"version": version, "created": is_new, "job": job_id})
    _refusal_raise(server, version)


def _upload(
    arguments: Any,
    terminal: Terminal,
    server: Server,
    archive: Path,
    *,
    project: str,
    name: str,
    known: dict[str, Any] | None,
) -> tuple[dict[str, Any], str | None, bool]:
    """(the version, the job of its check, whether it is new). The same bytes are not sent twice."""
    sha256 = file_digest(archive)
    if known is not None:
        for row in server.rows("dataset-versions/", limit=1, dataset=known["id"], sha256=sha256):
            version = server.get(f"dataset-versions/{row['id']}/")
            terminal.note(f"This is {_label(version)} already; no new version was made.")
            return version, version["check_job"], False
    uploading = Uploading(server, archive, project=project, sha256=sha256)
    with terminal.transfer(f"Uploading {archive.name}", total_bytes=uploading.size_bytes) as gauge:
        upload_id = uploading.run(gauge)
    try:
        if known is not None:
            body = {"upload": upload_id, "dataset": known["id"], "notes": arguments.notes}
            made = server.create("dataset-versions/", body).json()["version"]
        else:
            body = {
                "upload": upload_id, "name": name, "purpose": arguments.purpose, "description": arguments.notes,
            }  # fmt: skip
            made = server.create("datasets/", body).json()["newest"]
    except ServerRefused as error:
        uploading.unfinished.forget()
        if error.status == 400 and "upload" in error.problem.get("errors", {}):
            # Not the command is wrong: the file is no dataset.
            raise CommandFailed(error.detail, hint=error.hint, facts=error.facts) from error
        raise
    uploading.unfinished.forget()
    version = server.get(f"dataset-versions/{made['id']}/")
    return version, version["check_job"], True


def _list(arguments: Any, terminal: Terminal, server: Server) -> None:
    rows = list(server.rows("datasets/", limit=arguments.limit, project=arguments.project))
    cells = [
        (
            row["id"],
            f"{row['project']}/{row['slug']}",
            row["purpose"],
            f"v{row['newest']['number']}",
            row["newest"]["state"],
            str(row["newest"]["image_count"]),
            str(len(row["newest"]["class_names"])),
            size_text(row["newest"]["size_bytes"]),
        )
        for row in rows
    ]
    columns = ("Id", "Dataset", "Purpose", "Newest", "State", "Images", "Classes", "Size")
    terminal.answer({"results": rows}, lambda: terminal.table(columns, cells, empty="No datasets."))


def _show(arguments: Any, terminal: Terminal, server: Server) -> None:
    text = arguments.path
    if not text:
        raise UsageWrong(
            "Name the dataset to show.", hint="Write its id, project/dataset or project/dataset@2."
        )
    version = _version_find(server, text)
    _answer(terminal, server, version, version)


def _answer(terminal: Terminal, server: Server, version: dict[str, Any], document: dict[str, Any]) -> None:
    def text() -> None:
        terminal.line(f"{_label(version)}: {version['state']}")
        terminal.line(f"  id        {version['id']}")
        if version["manifest_sha256"]:
            terminal.line(f"  content   {version['manifest_sha256']}")
        terminal.line(f"  images    {version['image_count']}, {version['label_count']} label files")
        if version["task"]:
            terminal.line(f"  task      {version['task']}: {', '.join(version['class_names'][:12])}")
        for finding in version["report"]:
            terminal.line(f"  {finding['severity']:<8}  {finding['title']} ({finding['count']})")
            for example in finding["examples"][:EXAMPLES_SHOWN]:
                place = f"{example['file']}:{example['line']}" if example["line"] else example["file"]
                terminal.line(f"            {place} {example['detail']}".rstrip())

    terminal.answer(document, text)


def _refusal_raise(server: Server, version: dict[str, Any]) -> None:
    if version["state"] == "refused":
        raise CommandFailed(
            f"{_label(version)} was refused: {version['refusal']}",
            hint=f"See it at {server.account.url}/dataset-versions/{version['id']}/.",
            facts={"version_id": version["id"], "code": "refused"},
        )


def _dataset_find(server: Server, *, project: str, name: str) -> dict[str, Any] | None:
    wanted = {name, model_short_name(name)}
    for row in server.rows("datasets/", project=project):
        if row["slug"] in wanted or row["name"] == name:
            return row
    return None


def _version_find(server: Server, text: str) -> dict[str, Any]:
    """By the id of a dataset or a version, `project/dataset` or `project/dataset@2`."""
    if is_id(text):
        try:
            found: dict[str, Any] = server.get(f"dataset-versions/{text}/")
        except ServerRefused as error:
            if error.status != 404:
                raise
            dataset = server.get(f"datasets/{text}/")
            found = server.get(f"dataset-versions/{dataset['newest']['id']}/")
        return found
    named, _at, number = text.partition("@")
    project, slash, name = named.partition("/")
    if not (slash and project and name) or (number and not number.isdecimal()):
        raise UsageWrong(
            f"{text!r} names no dataset.", hint="Write its id, project/dataset or project/dataset@2."
        )
    known = _dataset_find(server, project=project, name=name)
    if known is None:
        raise NotThere(f"There is no dataset {named}.", hint="`deployhub dataset list` lists what there is.")
    version_id = known["newest"]["id"]
    if number:
        rows = server.rows("dataset-versions/", limit=1, dataset=known["id"], number=number)
        version_id = next((row["id"] for row in rows), None)
        if version_id is None:
            raise NotThere(
                f"{named} has no version {number}.", hint=f"Its newest is {known['newest']['number']}."
            )
    version: dict[str, Any] = server.get(f"dataset-versions/{version_id}/")
    return version


def _label(version: dict[str, Any]) -> str:
    return f"{version['dataset_name']} v{version['number']}"

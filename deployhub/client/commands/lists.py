"""models, versions, artifacts, formats."""

from __future__ import annotations

from typing import Any

from deployhub.client.connection import Server
from deployhub.client.failures import NotThere
from deployhub.client.references import VersionName, model_find, version_find, version_name_parse
from deployhub.client.terminal import Terminal
from deployhub.kernel.units import count_text, size_text


def models_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    rows = list(server.rows("models/", limit=arguments.limit, project=arguments.project, q=arguments.words))
    cells = [
        (
            row["id"],
            f"{row['project']}/{row['slug']}",
            row["name"],
            row["task"] or "",
            f"v{row['latest_number']}" if row["latest_number"] else "none",
            " ".join(f"{alias['name']}=v{alias['version_number']}" for alias in row["aliases"]),
        )
        for row in rows
    ]
    terminal.answer(
        {"results": rows},
        lambda: terminal.table(
            ("Id", "Model", "Name", "Task", "Newest", "Aliases"), cells, empty="No models."
        ),
    )


def versions_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    model_id = None
    if arguments.model:
        name: VersionName = version_name_parse(arguments.model)
        model = model_find(server, project=name.project, model=name.model)
        if model is None:
            raise NotThere(
                f"There is no model {arguments.model}.", hint="`deployhub models` lists what there is."
            )
        model_id = model["id"]
    rows = list(
        server.rows(
            "versions/", limit=arguments.limit, project=arguments.project, model=model_id, q=arguments.words
        )
    )
    cells = [
        (
            row["id"],
            row["model_name"],
            f"v{row['number']}",
            row["state"],
            f"{row['architecture']}{row['variant']}",
            row["task"] or "",
            count_text(row["parameters"]) if row["parameters"] else "",
            size_text(row["size_bytes"]),
            " ".join(row["aliases"]),
        )
        for row in rows
    ]
    columns = ("Id", "Model", "Version", "State", "Architecture", "Task", "Parameters", "Size", "Aliases")
    terminal.answer({"results": rows}, lambda: terminal.table(columns, cells, empty="No versions."))


def artifacts_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    version_id = version_find(server, arguments.version)["id"] if arguments.version else None
    rows = list(
        server.rows(
            "artifacts/",
            limit=arguments.limit,
            project=arguments.project,
            version=version_id,
            format=arguments.format,
            q=arguments.words,
        )
    )
    cells = [
        (
            row["id"],
            row["model"],
            f"v{row['version_number']}",
            row["format"],
            row["precision"],
            row["proof"],
            size_text(row["size_bytes"]),
            row["file_name"],
        )
        for row in rows
    ]
    columns = ("Id", "Model", "Version", "Format", "Precision", "Proof", "Size", "File")
    terminal.answer({"results": rows}, lambda: terminal.table(columns, cells, empty="No artifacts."))


def formats_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    rows = server.get("formats/")["formats"]
    if arguments.format is None:
        cells = [
            (
                row["key"],
                row["label"],
                "yes" if row["available"] else "no",
                " ".join(row["precisions"]),
                row["description"] if row["available"] else row["unavailable_reason"],
            )
            for row in rows
        ]
        columns = ("Key", "Format", "Available", "Precisions", "About")
        terminal.answer(
            {"results": rows}, lambda: terminal.table(columns, cells, empty="No formats are known yet.")
        )
        return
    entry = next((row for row in rows if row["key"] == arguments.format), None)
    if entry is None:
        raise NotThere(f"There is no format {arguments.format}.", hint="`deployhub formats` lists them.")
    options = [
        (option["name"], option["type"], _default(option), _range(option), option["help"])
        for option in entry["options"]
    ]

    def text() -> None:
        terminal.line(f"{entry['label']}: {entry['description']}")
        if not entry["available"]:
            terminal.line(entry["unavailable_reason"])
        terminal.table(("Option", "Type", "Default", "Values", "About"), options, empty="It has no options.")

    terminal.answer(entry, text)


def _default(option: dict[str, Any]) -> str:
    value = option.get("default")
    if value is None:
        return ""
    return f"{str(value).lower() if isinstance(value, bool) else value} {option.get('unit') or ''}".rstrip()


def _range(option: dict[str, Any]) -> str:
    if option.get("choices"):
        return " ".join(
            str(choice["value"] if isinstance(choice, dict) else choice) for choice in option["choices"]
        )
    if option.get("minimum") is None and option.get("maximum") is None:
        return ""
    return f"{option.get('minimum', '')}–{option.get('maximum', '')}"

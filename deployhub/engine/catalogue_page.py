"""The documentation page on formats, written from the catalogue so that it can't fall behind."""

from __future__ import annotations

from typing import Any

HEAD = """# Formats

This page is generated: `python -m deployhub.engine catalog --markdown > docs/formats.md`.

Each export is opened in its runtime, run, and compared with the source model on the same images. What is
shown on the artifact is what was proven: *verified* (same answers within the tolerance), *loadable* (it
runs, the comparison failed or was impossible; the reason is given) or *exported* (it does not run here).

Packages of most formats don't go together, so each has a [toolchain](decisions/0018-toolchains.md): an environment of
its own, made on the worker by the first export that needs it, and tried in the sandbox before it is used. Formats
that need a vendor's own tools go to a worker that has them: install the tools in its engine's environment, and start
it with the queue that is named below (`DEPLOYHUB_WORKER_QUEUES=cpu,toolchain:rknn`).
"""


def catalogue_markdown(catalogue: dict[str, Any]) -> str:
    """Render the catalogue without what differs from machine to machine."""
    entries = sorted(catalogue["formats"], key=lambda entry: entry["label"])
    ours = [entry for entry in entries if entry["toolchain_builds"]]
    theirs = [entry for entry in entries if not entry["toolchain_builds"]]
    return "\n".join([HEAD, _overview(ours), *map(_section, ours), _vendors(theirs)])


def _overview(entries: list[dict[str, Any]]) -> str:
    lines = ["| Format | Key | Packages | Precisions | Run and compared in |", "|---|---|---|---|---|"]
    for entry in entries:
        packages = (
            "of the engine" if entry["toolchain"] == "main" else f"`{entry['toolchain']}`, on first use"
        )
        runtimes = ", ".join(entry["runtimes"]) or "not on a worker"
        lines.append(
            f"| {entry['label']} | `{entry['key']}` | {packages} | {', '.join(entry['precisions'])} | {runtimes} |"
        )
    return "\n".join(lines) + "\n"


def _section(entry: dict[str, Any]) -> str:
    lines = [
        f"## {entry['label']}",
        "",
        entry["description"],
        "",
        f"- Key: `{entry['key']}`; result: a {entry['layout']}, `model{entry['suffix']}`",
        f"- Made from: {', '.join('.' + kind for kind in entry['sources'])}",
        f"- Tasks: {', '.join(entry['tasks'])}",
        f"- Precisions: {', '.join(entry['precisions'])}",
        f"- Run and compared in: {', '.join(entry['runtimes']) or 'nothing that a worker has'}",
        f"- Hardware: {entry['hardware']}",
        f"- Licences: {entry['licence']}",
        *([f"- Calibration images: {entry['calibration']}"] if entry["calibration"] else []),
        "",
        "| Option | Values | Default | What it does |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{o['name']}` | {_values(o)} | {_shown(o['default'])} | {o['help']} |" for o in entry["options"]
    ]
    if entry["conflicts"]:
        lines += ["", "Refused together:", ""]
        lines += [f"- {_when(conflict['when'])}: {conflict['message']}" for conflict in entry["conflicts"]]
    return "\n".join(lines) + "\n"


def _values(option: dict[str, Any]) -> str:
    if option["type"] == "boolean":
        return "on, off"
    if option["type"] == "choice":
        return ", ".join(str(choice) for choice in option["choices"])
    text = f"{option['minimum']} to {option['maximum']} {option['unit']}".strip()
    return f"{text}, multiple of {option['multiple_of']}" if option["multiple_of"] else text


def _shown(value: Any) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _when(when: dict[str, Any]) -> str:
    return ", ".join(f"`{name}` = {_shown(value)}" for name, value in when.items())


def _vendors(entries: list[dict[str, Any]]) -> str:
    lines = [
        "## With a vendor's own tools",
        "",
        "An export of these is refused, with what is missing, unless a worker announces the queue.",
        "",
        "| Format | Key | For | Precisions | Queue | Without it |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {entry['label']} | `{entry['key']}` | {entry['description'].removeprefix('For ').rstrip('.')} "
        f"| {', '.join(entry['precisions'])} | `toolchain:{entry['toolchain']}` | {'. '.join(entry['needs'])} |"
        for entry in entries
    ]
    return "\n".join(lines) + "\n"

"""The documentation page on formats, written from the catalogue so that it can't fall behind."""

from __future__ import annotations

from typing import Any

HEAD = """# Formats

This page is generated: `python -m deployhub.engine catalog --markdown > docs/formats.md`.

Each export is opened in its runtime, run, and compared with the source model on the same images. What is
shown on the artifact is what was proven: *verified* (same answers within the tolerance), *loadable* (it
runs, the comparison failed or was impossible; the reason is given) or *exported* (it does not run here).
"""


def catalogue_markdown(catalogue: dict[str, Any]) -> str:
    """Render the catalogue without what differs from machine to machine."""
    offered = [entry for entry in catalogue["formats"] if entry["options"]]
    others = sorted(
        (entry for entry in catalogue["formats"] if not entry["options"]), key=lambda e: e["label"]
    )
    parts = [HEAD]
    parts += [_section(entry) for entry in sorted(offered, key=lambda e: e["label"])]
    parts.append(_to_come(others))
    return "\n".join(parts)


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
        f"- Run and compared in: {', '.join(entry['runtimes'])}",
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


def _to_come(entries: list[dict[str, Any]]) -> str:
    lines = [
        "## Known, not yet available",
        "",
        "Ultralytics can write these as well. Each needs a toolchain of its own, which comes later.",
        "",
        "| Format | Key | For | Precisions |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {entry['label']} | `{entry['key']}` | {entry['description'].removeprefix('For ').rstrip('.')} "
        f"| {', '.join(entry['precisions'])} |"
        for entry in entries
    ]
    return "\n".join(lines) + "\n"

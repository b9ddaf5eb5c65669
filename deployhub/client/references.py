"""What a person types for a thing: an id, or `project/model@3`, `project/model@champion`, `project/model`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deployhub.client.connection import Server
from deployhub.client.failures import NotThere, UsageWrong


@dataclass(frozen=True, slots=True)
class VersionName:
    """`at`: a number, an alias, or empty for the newest."""

    project: str
    model: str
    at: str = ""

    def __str__(self) -> str:
        return f"{self.project}/{self.model}" + (f"@{self.at}" if self.at else "")


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def version_name_parse(text: str) -> VersionName:
    """Raises UsageWrong when `text` is neither `project/model` nor `project/model@something`."""
    named, at_sign, at = text.partition("@")
    project, slash, model = named.partition("/")
    if not (slash and project and model) or "/" in model or (at_sign and not at):
        raise UsageWrong(
            f"{text!r} names no version.",
            hint="Write its id, or project/model, project/model@3 or project/model@alias.",
        )
    return VersionName(project, model, at)


def project_find(server: Server, project: str) -> dict[str, Any]:
    """The project of this short name or id. Raises NotThere."""
    if is_id(project):
        return _get(server, f"projects/{project}/")
    for row in server.rows("projects/", q=project):
        if row["slug"] == project:
            return row
    raise NotThere(
        f"There is no project {project}, or you have no access to it.",
        hint="`deployhub whoami` lists the projects that you have a role in.",
    )


def model_short_name(name: str) -> str:
    """'Street signs v2' → 'street-signs-v2', as the server makes it of a new model's name."""
    return re.sub(r"[-\s_]+", "-", re.sub(r"[^\w\s-]", "", name.lower())).strip("-_")


def model_find(server: Server, *, project: str, model: str) -> dict[str, Any] | None:
    """The model of this id, short name or name in the project; None when there is none."""
    if is_id(model):
        found = _get(server, f"models/{model}/")
        return found if found["project"] == project else None
    wanted = {model, model_short_name(model)}
    for row in server.rows("models/", project=project, q=model):
        if row["slug"] in wanted or row["name"] == model:
            return row
    return None


def version_find(server: Server, text: str) -> dict[str, Any]:
    """The version that `text` names. Raises NotThere, UsageWrong."""
    if is_id(text):
        return _get(server, f"versions/{text}/")
    name = version_name_parse(text)
    model = model_find(server, project=name.project, model=name.model)
    if model is None:
        raise NotThere(
            f"There is no model {name.model} in the project {name.project}, or you have no access to it.",
            hint="`deployhub models` lists what there is.",
        )
    version_id = _version_id(server, model, name)
    if version_id is None:
        raise NotThere(
            f"There is no version {name}." if name.at else f"{name} has no version yet.",
            hint=f"`deployhub versions {name.project}/{name.model}` lists what there is.",
        )
    return _get(server, f"versions/{version_id}/")


def _get(server: Server, path: str) -> dict[str, Any]:
    row: dict[str, Any] = server.get(path)
    return row


def _version_id(server: Server, model: dict[str, Any], name: VersionName) -> str | None:
    if not name.at:
        return model["latest_id"]
    if name.at.isdecimal():
        number = int(name.at)
        if model["latest_number"] is None or not 1 <= number <= model["latest_number"]:
            return None
        return next((row["id"] for row in server.rows("versions/", model=model["id"], number=number)), None)
    return next((alias["version_id"] for alias in model["aliases"] if alias["name"] == name.at), None)


def version_label(version: dict[str, Any]) -> str:
    """'Shapes detector v3'."""
    return f"{version['model_name']} v{version['number']}"

"""pull: an artifact comes here, checked."""

from __future__ import annotations

from typing import Any

from deployhub.client.connection import Server
from deployhub.client.downloading import artifact_pull, target_choose
from deployhub.client.failures import UsageWrong
from deployhub.client.references import is_id
from deployhub.client.terminal import Terminal
from deployhub.kernel.units import size_text


def pull_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    if not is_id(arguments.artifact):
        raise UsageWrong(
            f"{arguments.artifact!r} is no id of an artifact.", hint="`deployhub artifacts` lists them."
        )
    artifact = server.get(f"artifacts/{arguments.artifact}/")
    pulled = pull(
        terminal,
        server,
        artifact,
        output=arguments.output,
        keep_zip=arguments.keep_zip,
        replaces=arguments.force,
    )
    terminal.answer({"artifact": artifact, **pulled}, lambda: pulled_text(terminal, artifact, pulled))


def pull(
    terminal: Terminal,
    server: Server,
    artifact: dict[str, Any],
    *,
    output: str | None,
    keep_zip: bool,
    replaces: bool,
) -> dict[str, Any]:
    """Where the artifact lies now, and whether it had to be fetched."""
    target = target_choose(artifact, output=output, keep_zip=keep_zip)
    fetched = artifact_pull(server, terminal, artifact, target, replaces=replaces)
    return {"path": str(target.path), "fetched": fetched}


def pulled_text(terminal: Terminal, artifact: dict[str, Any], pulled: dict[str, Any]) -> None:
    said = "checked" if pulled["fetched"] else "the same lay here already"
    terminal.line(f"{pulled['path']} ({size_text(artifact['size_bytes'])}, {said})")
    if len(artifact["files"]) == 1:
        terminal.line(f"  sha256  {artifact['files'][0]['sha256']}")

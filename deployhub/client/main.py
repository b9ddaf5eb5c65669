"""The `deployhub` command: reads the words, runs the command, ends with its exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from deployhub.client.arguments import parser_build
from deployhub.client.failures import CommandFailed, Exit, WaitInterrupted
from deployhub.client.terminal import Terminal

ROOMS = {
    "login": "account", "logout": "account", "whoami": "account", "tokens": "tokens",
    "push": "push", "export": "export", "pull": "pull",
    "jobs": "jobs", "job": "jobs", "cancel": "jobs", "retry": "jobs", "artifact": "artifact",
    "models": "lists", "versions": "lists", "artifacts": "lists", "formats": "lists",
    "tls": "tls", "verify": "verify",
    "dataset": "dataset",
    "audit": "audit",
}  # fmt: skip
"""Command → module in deployhub.client.commands; loaded when asked for, so that `--version` is quick."""


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns its exit code (failures.Exit)."""
    words = sys.argv[1:] if argv is None else argv
    terminal = Terminal(is_json="--json" in words, is_quiet=False, has_color="--no-color" not in words)
    try:
        arguments = parser_build().parse_args(words)
        terminal = Terminal(
            is_json=arguments.is_json, is_quiet=arguments.is_quiet, has_color=not arguments.no_color
        )
        return _run(arguments, terminal)
    except CommandFailed as failed:
        terminal.failure(failed)
        return int(failed.exit_code)
    except KeyboardInterrupt:
        terminal.failure(
            WaitInterrupted("Stopped.", hint="Run the command again; transfers go on where they stopped.")
        )
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # Who reads our answer (`| head`) has enough. Python would complain once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.DONE)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        terminal.failure(
            CommandFailed(
                f"{name}{error.strerror or error}.", hint="Free space or change rights, then try again."
            )
        )
        return int(Exit.FAILED)


def _run(arguments: Any, terminal: Terminal) -> int:
    room = importlib.import_module(f"deployhub.client.commands.{ROOMS[arguments.command]}")
    run = getattr(room, f"{arguments.command}_run")
    if arguments.command in ("login", "logout", "tls", "verify"):
        run(arguments, terminal)
        return int(Exit.DONE)
    from deployhub.client.configuration import account_current
    from deployhub.client.connection import Server

    account = account_current(ca_file=arguments.ca_file)
    with Server(
        account, timeout_s=arguments.timeout_s, retries=arguments.retries, say=terminal.note
    ) as server:
        run(arguments, terminal, server)
    return int(Exit.DONE)


if __name__ == "__main__":
    sys.exit(main())

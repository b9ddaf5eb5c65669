"""tokens: what the token in use may do, when it ends, and its successor."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from deployhub.client import configuration
from deployhub.client.configuration import Account
from deployhub.client.connection import Server
from deployhub.client.failures import CommandFailed, UsageWrong
from deployhub.client.terminal import Terminal

WARNING_DAYS = 7


def tokens_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    if arguments.rotate:
        _rotate(arguments, terminal, server)
        return
    token = server.get("me/")["token"]
    left = days_left(token)
    terminal.answer({"url": server.account.url, "days_left": left, **token}, lambda: _lines(token, terminal))
    if arguments.within_days is None:
        end_warn(token, terminal)
    elif left < arguments.within_days:
        raise CommandFailed(
            f"The token {token['label']} ends in {_days(left)}.",
            hint="Replace it on the page of its account, or with `deployhub tokens --rotate` where that was allowed.",
        )


def days_left(token: dict[str, Any]) -> float:
    ends = datetime.fromisoformat(token["expires_at"].replace("Z", "+00:00"))
    return round((ends - datetime.now(UTC)).total_seconds() / 86_400, 2)


def end_warn(token: dict[str, Any] | None, terminal: Terminal) -> None:
    """Say on stderr that the token ends within a week, so that a pipeline's log shows it before it stops."""
    if token is not None and days_left(token) < WARNING_DAYS:
        why = "was replaced and " if token.get("rotated_at") else ""
        terminal.warn(f"The token {token['label']} {why}ends in {_days(days_left(token))}.")


def _days(days: float) -> str:
    if days < 1:
        return f"{max(round(days * 24), 0)} hours"
    return f"{round(days)} days"


def _lines(token: dict[str, Any], terminal: Terminal) -> None:
    terminal.line(f"{token['label']}, ends {token['expires_at'][:10]} (in {_days(days_left(token))})")
    terminal.line(f"  may: {', '.join([*token['scopes'], *token['permissions']])}")
    projects = len(token["project_ids"])
    terminal.line(
        f"  in: {f'{projects} projects' if projects > 1 else 'one project' if projects else 'all projects of its owner'}"
    )
    terminal.line(f"  accepted from: {', '.join(token['networks']) or 'everywhere'}")
    if token["rotates_itself"]:
        terminal.line("  may replace itself")


def _rotate(arguments: Any, terminal: Terminal, server: Server) -> None:
    """The successor is stored where the old token was read from. From the environment it can only be printed."""
    from_environment = bool(os.environ.get("DEPLOYHUB_TOKEN", "").strip())
    if from_environment and not terminal.is_json:
        raise UsageWrong(
            "The token comes from DEPLOYHUB_TOKEN, where its successor cannot be kept.",
            hint="Ask with --json and keep `token` of the answer, or sign in with `deployhub login`.",
        )
    made = server.create("me/token/rotate/", {"overlap_minutes": arguments.overlap_minutes}).json()
    account = server.account
    if not from_environment:
        configuration.account_store(Account(account.url, made["token"], account.ca_file))
        made.pop("token")
    ends = made["expires_at"][:10]
    terminal.answer(
        {"url": account.url, **made},
        lambda: terminal.line(
            f"The successor is stored and works until {ends}. The old token works for {arguments.overlap_minutes} minutes more."
        ),
    )

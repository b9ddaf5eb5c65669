"""login, logout, whoami."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

from deployhub.client import configuration
from deployhub.client.commands.tokens import end_warn
from deployhub.client.configuration import Account
from deployhub.client.connection import Server
from deployhub.client.failures import UsageWrong
from deployhub.client.terminal import Terminal
from deployhub.kernel.token_text import is_mistyped


def login_run(arguments: Any, terminal: Terminal) -> None:
    stored = configuration.account_stored_or_none()
    url = arguments.url or os.environ.get("DEPLOYHUB_URL", "")
    if not url:
        if not sys.stdin.isatty() or arguments.token_stdin:
            raise UsageWrong("The address of the server is missing.", hint="Name it with --url.")
        known = stored.url if stored else ""
        url = _ask(f"Address of the server{f' [{known}]' if known else ''}: ") or known
    url = configuration.url_clean(url)
    ca_file = arguments.ca_file or os.environ.get("DEPLOYHUB_CA", "")
    if not ca_file and stored is not None and stored.url == url:
        ca_file = stored.ca_file
    token = _token_read(arguments, terminal, url)
    if not token:
        raise UsageWrong("No token was given.", hint=f"Make one at {url}/account/ and try again.")
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageWrong(
            "This is no token.",
            hint="Copy the whole token and nothing else; it begins with dh_pat_ or dh_svc_.",
        )
    if is_mistyped(token):
        raise UsageWrong(
            "This token is mistyped or cut off: its check characters do not fit.",
            hint="Copy the whole token again. If its text is lost, make a new one.",
        )
    account = Account(url, token, str(Path(ca_file).expanduser().resolve()) if ca_file else "")
    if configuration.is_in_clear(url):
        terminal.warn("This address is not encrypted (http), so the token can be read on its way.")
    with Server(
        account, timeout_s=arguments.timeout_s, retries=arguments.retries, say=terminal.note
    ) as server:
        me = server.get("me/")
    path = configuration.account_store(account)
    terminal.answer(
        {"url": url, "username": me["username"], "config": str(path)},
        lambda: terminal.line(f"Signed in to {url} as {me['username']}."),
    )


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _token_read(arguments: Any, terminal: Terminal, url: str) -> str:
    if arguments.token_stdin:
        return sys.stdin.readline().strip()
    if token := os.environ.get("DEPLOYHUB_TOKEN", "").strip():
        return token
    if not sys.stdin.isatty():
        raise UsageWrong(
            "There is no terminal to ask for the token.",
            hint="Pipe it in with --token-stdin, or set DEPLOYHUB_TOKEN.",
        )
    terminal.note(f"Make a token at {url}/account/ (scopes: read, download, upload, run).")
    return getpass.getpass("Token: ").strip()


def logout_run(arguments: Any, terminal: Terminal) -> None:
    was_there = configuration.account_forget()
    text = "The token is forgotten here. To end it everywhere, revoke it on your account page."
    terminal.answer(
        {"forgotten": was_there}, lambda: terminal.line(text if was_there else "No token was stored.")
    )


def whoami_run(arguments: Any, terminal: Terminal, server: Server) -> None:
    me = server.get("me/")

    def text() -> None:
        terminal.line(f"{me['username']} at {server.account.url}")
        for name in ("administrator", "auditor"):
            if me.get(f"is_{name}"):
                terminal.line(f"  {name} of the installation")
        for role in me.get("roles", []):
            terminal.line(f"  {role['role'].replace('_', ' ')} in {role['project_slug']}")
        if token := me.get("token"):
            rights = ", ".join([*token["scopes"], *token.get("permissions", [])])
            terminal.line(f"  token {token['label']}: {rights}; expires {token['expires_at'][:10]}")

    terminal.answer({"url": server.account.url, **me}, text)
    end_warn(me.get("token"), terminal)

"""Which server, as whom: the config file, and the environment that overrides it in a pipeline."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployhub.client.failures import NotSignedIn, UsageWrong


@dataclass(frozen=True, slots=True)
class Account:
    """A server and the token for it. `ca_file`: certificates of an own authority, or empty."""

    url: str
    token: str
    ca_file: str = ""


def config_folder() -> Path:
    """`$XDG_CONFIG_HOME/deployhub`, by default `~/.config/deployhub`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".config") / "deployhub"


def config_path() -> Path:
    return config_folder() / "config.json"


def url_clean(text: str) -> str:
    """`hub.example` → `https://hub.example`; a path prefix stays, a trailing slash goes. Raises UsageWrong."""
    text = text.strip()
    if "://" not in text:
        host = text.partition("/")[0].partition(":")[0]
        text = f"{'http' if host in ('localhost', '127.0.0.1') else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_number = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_number:
        raise UsageWrong(
            f"{text!r} is no address of a server.", hint="Write it like https://deployhub.example."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageWrong(
            "The address holds more than host and path.", hint="Write it like https://deployhub.example."
        )
    return text.rstrip("/")


def is_in_clear(url: str) -> bool:
    """Whether a token sent to `url` could be read on its way."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and not (host in ("localhost", "::1") or host.startswith("127."))


def account_stored() -> Account | None:
    """What `deployhub login` stored. Raises UsageWrong when the file can't be read."""
    path = config_path()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Account(str(content["url"]), str(content["token"]), str(content.get("ca_file", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageWrong(f"{path} can't be read.", hint="Run `deployhub login` to write it anew.") from error


def account_stored_or_none() -> Account | None:
    """Like account_stored, where a file that can't be read is about to be written anew."""
    try:
        return account_stored()
    except UsageWrong:
        return None


def account_current(*, ca_file: str = "") -> Account:
    """The environment, else what is stored. Raises NotSignedIn when there is no token for the server."""
    url = os.environ.get("DEPLOYHUB_URL", "")
    token = os.environ.get("DEPLOYHUB_TOKEN", "").strip()
    ca_file = ca_file or os.environ.get("DEPLOYHUB_CA", "")
    if url and token:
        return Account(url_clean(url), token, ca_file)
    stored = account_stored()
    address = url_clean(url) if url else (stored.url if stored else "")
    if not address:
        raise NotSignedIn(
            "You are not signed in to a server.",
            hint="Run `deployhub login`, or set DEPLOYHUB_URL and DEPLOYHUB_TOKEN.",
        )
    own = stored if stored is not None and stored.url == address else None
    # A stored token belongs to the server that it was stored for; another address never gets to see it.
    token = token or (own.token if own else "")
    if not token:
        raise NotSignedIn(
            f"You are not signed in to {address}.", hint="Run `deployhub login`, or set DEPLOYHUB_TOKEN."
        )
    return Account(address, token, ca_file or (own.ca_file if own else ""))


def account_store(account: Account) -> Path:
    """Write the config file, readable by its owner alone."""
    content = {"url": account.url, "token": account.token}
    if account.ca_file:
        content["ca_file"] = account.ca_file
    path = config_path()
    private_write(path, json.dumps(content, indent=2) + "\n")
    return path


def account_forget() -> bool:
    """Remove the stored account; False when there was none."""
    try:
        config_path().unlink()
    except FileNotFoundError:
        return False
    return True


def private_write(path: Path, text: str) -> None:
    """Replace `path` in one step by a file of mode 0600; never for a moment open to others."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(fresh, path)
    except OSError as error:
        raise UsageWrong(
            f"{path} can't be written: {error.strerror}.", hint="Set XDG_CONFIG_HOME to a folder of yours."
        ) from error

"""The REST API over HTTP: one connection pool, problems as failures, and patience with a server that is away."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx

from deployhub import __version__
from deployhub.client.configuration import Account
from deployhub.client.failures import ServerRefused, Unreachable, UsageWrong

API = "/api/v1/"
CONNECT_TIMEOUT_S = 10.0
RETRIES = 4
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
RETRY_AFTER_MAX_S = 120.0
PAGE_SIZE_MAX = 200
PASSING_STATUSES = frozenset({429, 502, 503, 504})
"""A later try may be answered otherwise. 429 and 503 say in Retry-After how much later."""


class Server:
    """A DeployHub server, as one account sees it."""

    def __init__(
        self,
        account: Account,
        *,
        timeout_s: float,
        retries: int = RETRIES,
        say: Callable[[str], None] = lambda text: None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`say` is told when a request is tried again."""
        self.account = account
        self.retries = retries
        self.say = say
        self._prefix = urlsplit(account.url).path.rstrip("/")
        self._origin = account.url.removesuffix(self._prefix) if self._prefix else account.url
        self.http = httpx.Client(
            verify=_trust(account.ca_file),
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            headers={
                "Authorization": f"Bearer {account.token}",
                "Accept": "application/json",
                "User-Agent": f"deployhub/{__version__}",
            },
            follow_redirects=False,  # an answer must not lead the token elsewhere
            transport=transport,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.close()

    def address(self, path: str) -> str:
        """The full address of `path`: a noun (`models/`), an absolute path, or an address that the server gave.

        Of the last only path and query count, so no answer can send us (and the token) to another host.
        """
        parts = urlsplit(path)
        tail = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if not tail.startswith("/"):
            tail = f"{self._prefix}{API}{tail}"
        elif self._prefix and not tail.startswith(f"{self._prefix}/"):
            tail = f"{self._prefix}{tail}"
        return f"{self._origin}{tail}"

    def get(self, path: str, **params: Any) -> Any:
        return self.send("GET", path, params=_present(params)).json()

    def create(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """POST with an Idempotency-Key: tried again after a broken connection, it is still done once."""
        return self.send("POST", path, json=body or {}, headers={"Idempotency-Key": uuid4().hex})

    def rows(self, path: str, *, limit: int | None = None, **params: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list, page after page, at most `limit`."""
        query = _present(params)
        left = limit
        while left is None or left > 0:
            page = self.get(path, **{**query, "limit": min(left or PAGE_SIZE_MAX, PAGE_SIZE_MAX)})
            for row in page["results"]:
                yield row
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
            if not page.get("next"):
                return
            query = dict(parse_qsl(urlsplit(page["next"]).query))

    def send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """The answer, which is below 400. Raises ServerRefused, Unreachable."""

        def once() -> httpx.Response:
            response = self.http.request(method, self.address(path), **kwargs)
            return response_check(response)

        return self.patiently(once)

    def patiently(
        self,
        once: Callable[[], Any],
        *,
        passing: frozenset[int] = PASSING_STATUSES,
        progressed: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Call `once`; again, with growing pauses, while the server is away or answers with a `passing` status.

        progressed: whether the last try brought something about; then the count of tries begins anew.
        """
        failures = 0
        while True:
            try:
                return once()
            except httpx.TransportError as error:
                failure: Unreachable | ServerRefused = _unreachable(self.account.url, error)
                if _is_final(error):
                    raise failure from error
                pause_s = 0.0
            except ServerRefused as error:
                is_own_twin = failures > 0 and error.code == "idempotency_in_progress"
                if error.status not in passing and not is_own_twin:
                    raise
                failure, pause_s = error, _retry_after_s(error)
            if progressed():
                failures = 0
            failures += 1
            if failures > self.retries:
                raise failure
            backoff_s = min(BACKOFF_FIRST_S * 2 ** (failures - 1), BACKOFF_MAX_S) * random.uniform(0.75, 1.25)  # noqa: S311
            pause_s = max(pause_s, backoff_s)
            self.say(f"{failure.detail} Trying again in {pause_s:.0f} s ({failures} of {self.retries}).")
            time.sleep(pause_s)


def response_check(response: httpx.Response) -> httpx.Response:
    """The response, when it is a success. Raises ServerRefused."""
    if response.is_success:
        return response
    problem: Any = None
    response.read()
    if "json" in response.headers.get("Content-Type", ""):
        try:
            problem = response.json()
        except ValueError:
            problem = None
    if not isinstance(problem, dict):
        problem = {}
        if response.is_redirect:
            problem["detail"] = f"The server sends elsewhere: {response.headers.get('Location', '')[:200]}"
            problem["hint"] = "Sign in with that address: `deployhub login --url …`."
    if "retry_after_s" not in problem and response.headers.get("Retry-After", "").isdigit():
        problem["retry_after_s"] = int(response.headers["Retry-After"])
    raise ServerRefused(status=response.status_code, problem=problem)


def _retry_after_s(error: ServerRefused) -> float:
    wait = error.problem.get("retry_after_s")
    return min(float(wait), RETRY_AFTER_MAX_S) if isinstance(wait, int | float) else 0.0


def _present(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value not in (None, "")}


def _trust(ca_file: str) -> ssl.SSLContext | bool:
    """The usual authorities, and those of `ca_file` beside them."""
    if not ca_file:
        return True
    context = httpx.create_ssl_context()
    try:
        context.load_verify_locations(Path(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise UsageWrong(
            f"{ca_file} holds no certificates that can be read.", hint="Name a PEM file with --ca."
        ) from error
    return context


def _is_final(error: httpx.TransportError) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error) or isinstance(error, httpx.UnsupportedProtocol)


def _unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Unreachable(
            f"The certificate of {url} is not trusted.",
            hint="If it is of your own authority, name that with --ca FILE.",
        )
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(
            f"{url} did not answer in time.", hint="Try again, or give it longer with --timeout."
        )
    if isinstance(error, httpx.ConnectError):
        return Unreachable(
            f"{url} can't be reached.", hint="Check the address and the network, then run the command again."
        )
    return Unreachable(
        f"The connection to {url} broke.", hint="Run the command again; transfers go on where they stopped."
    )

"""What the supervisor runs: the command line and the environment of each child."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deployhub.standalone import broker
from deployhub.standalone.children import Child
from deployhub.standalone.refusals import Refusal
from deployhub.standalone.tls import ServerTls

ROOT = Path(__file__).resolve().parents[2]
# Read by the supervisor; its children are told what came of them.
_OWN_VARIABLES = ("DEPLOYHUB_UNDER_MAKE", "REDIS_URL_FILE")


def redis_url_given() -> str:
    """The broker that the environment names (REDIS_URL, or a file by REDIS_URL_FILE); empty: the embedded one."""
    if path := os.environ.get("REDIS_URL_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise Refusal(f"REDIS_URL_FILE names {path}, which cannot be read: {error.strerror}.") from error
    return os.environ.get("REDIS_URL", "")


@dataclass(frozen=True)
class Plan:
    """What to run and where; everything that the command line and the environment decide."""

    home: Path
    host: str
    port: int
    redis_url: str  # empty: the embedded broker
    tls: ServerTls | None = None
    redirect_port: int = 0  # where plain http is answered with the way to https; 0: nowhere

    @property
    def address(self) -> str:
        """What people type."""
        if self.tls is not None:
            return f"https://{self.tls.host}:{self.port}"
        return f"http://{self._near}:{self.port}"

    @property
    def probe_address(self) -> str:
        """Where this machine itself reaches the web server."""
        return f"{'http' if self.tls is None else 'https'}://{self._near}:{self.port}"

    @property
    def _near(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]" if ":" in host and not host.startswith("[") else host

    def environment(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}
        given.setdefault("DEPLOYHUB_ORIGIN", self.address)
        if self.tls is not None:
            given.setdefault("DEPLOYHUB_ALLOWED_HOSTS", self.tls.allowed_hosts)
            given |= self.tls.environment()
        return given | {
            "DEPLOYHUB_HOME": str(self.home),
            "DEPLOYHUB_STANDALONE": "1",
            "DJANGO_SETTINGS_MODULE": given.get("DJANGO_SETTINGS_MODULE", "deployhub.config.settings"),
            "REDIS_URL": self.redis_url or broker.url(self.home),
            "PYTHONUNBUFFERED": "1",
            # Warnings are for developers, who see them in the tests.
            "PYTHONWARNINGS": given.get("PYTHONWARNINGS", "ignore"),
            "PYTHONPATH": str(ROOT),
        }

    def children(self) -> dict[str, Child]:
        environment = self.environment()
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "--quiet", "--app", "deployhub.config.celery:app"]
        commands = {
            "database": [*python, "deployhub.standalone.prepare"],
            "web": [
                *python, "uvicorn", "deployhub.config.asgi:application",
                "--host", self.host, "--port", str(self.port),
                "--no-server-header", "--no-access-log", "--no-proxy-headers", "--lifespan", "off",
                # h11 bounds the head of a request; httptools takes one of any size into memory.
                "--http", "h11", "--h11-max-incomplete-event-size", "65536",
                "--timeout-graceful-shutdown", "3", *(self.tls.options() if self.tls else ()),
            ],
            "worker": [
                *celery, "worker", "--pool", "threads", "--concurrency", str(os.cpu_count() or 1),
                "--hostname", "worker@%h", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
            ],
            "beat": [
                *celery, "beat", "--loglevel", "INFO",
                "--schedule", str(self.home / "run" / "beat-schedule"), "--pidfile", "",
            ],
        }  # fmt: skip
        if queues := os.environ.get("DEPLOYHUB_WORKER_QUEUES"):
            commands["worker"] += ["--queues", queues]
        if self.redirect_port:
            commands["redirect"] = [
                *python, "deployhub.standalone.redirect", self.host, str(self.redirect_port),
                environment["DEPLOYHUB_ORIGIN"],
            ]  # fmt: skip
        if not self.redis_url:
            commands["valkey"] = broker.command(self.home)
        return {
            name: Child(name, command, environment, ROOT, once=name == "database")
            for name, command in commands.items()
        }

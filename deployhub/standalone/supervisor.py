"""The one parent of everything that runs on this machine.

One thread: a selector over the children's output, the wake-up pipe of signals, and a list of timers. One thread
is also what makes starting children with a death signal sound, for that signal follows the thread that forked.

Order: the broker and the database's preparation at once, then the web server, then worker and beat as soon as
the first page answers (on two cores they would slow it down). Stopping: all but the broker at once, the broker
last, and nothing later than STOP_WITHIN_S.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from deployhub.standalone import broker, preflight, watcher
from deployhub.standalone.children import Child, die_with_parent, ending_in_words, orphans_adopt
from deployhub.standalone.console import Console
from deployhub.standalone.plan import Plan, redis_url_given
from deployhub.standalone.prepare import MARK
from deployhub.standalone.probe import Probe
from deployhub.standalone.tls import LOOK_EVERY_S, tls_choose

STOP_WITHIN_S = 10.0
# Shares of that: a running job may end by itself, then it is asked to drop its work, then it is ended.
STOP_ASK_AGAIN_S = 4.0
STOP_KILL_S = 6.5
STOP_KILL_BROKER_S = 8.5

READY_POLL_S = 0.1
WEB_READY_WITHIN_S = 120.0
DATABASE_TROUBLE_LINES = 12


class Supervisor:
    def __init__(self, plan: Plan, console: Console, *, lock: int) -> None:
        self._plan = plan
        self._console = console
        self._lock = lock
        self._children = plan.children()
        self._watcher: subprocess.Popen[bytes] | None = None
        self._watcher_pipe = -1
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._probe: Probe | None = None
        self._began_at = time.monotonic()
        self._stopping_at: float | None = None
        self._exit_status = 0
        self._interrupts = 0
        self._shown_address = False
        self._first_run: dict[str, Any] = {}
        self._renewing = False

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> int:
        """Start everything, keep it running, stop it; returns the exit status."""
        orphans_adopt()
        self._signals_listen()
        if os.environ.get("DEPLOYHUB_UNDER_MAKE"):
            die_with_parent()  # who kills `make` itself means all of it
        self._watcher_start()
        if "valkey" in self._children:
            self._start("valkey")
        self._start("database")
        while self._stopping_at is None or self._still_there():
            self._turn()
        self._strays_kill()
        self._watcher_end()
        self._console.say("Stopped.")
        self._console.close()
        return self._exit_status

    def stop(self, status: int = 0) -> None:
        """Begin to stop; `run` returns when nothing is left."""
        if self._stopping_at is not None:
            return
        self._stopping_at = time.monotonic()
        self._exit_status = status
        self._timers.clear()
        for child in self._all_but_broker():
            child.send(signal.SIGTERM)
        self._after(STOP_ASK_AGAIN_S, self._all_but_broker_ask_again)
        self._after(STOP_KILL_S, self._all_but_broker_kill)
        self._after(STOP_KILL_BROKER_S, self._everything_kill)
        self._broker_stop_when_last()

    def _turn(self) -> None:
        wait_s = max(
            0.0, min([due for due, _ in self._timers], default=time.monotonic() + 1.0) - time.monotonic()
        )
        for key, _ in self._selector.select(wait_s):
            key.data()
        now = time.monotonic()
        for timer in [timer for timer in self._timers if timer[0] <= now]:
            if timer in self._timers:  # an earlier one of this turn may have cleared the list
                self._timers.remove(timer)
                timer[1]()
        self._reap()

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._timers.append((time.monotonic() + seconds, act))

    def _all_but_broker(self) -> list[Child]:
        return [child for child in self._children.values() if child.name != "valkey"]

    def _still_there(self) -> bool:
        return any(child.is_alive for child in self._children.values())

    # ── signals ─────────────────────────────────────────────────────────────────────────────────────────

    def _signals_listen(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ, lambda: self._signals_take(reading))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def _signals_take(self, pipe: int) -> None:
        for number in os.read(pipe, 512):
            if number == signal.SIGCHLD:
                continue
            self._interrupts += number == signal.SIGINT
            if self._stopping_at is None:
                self._console.say("Stopping; a second Ctrl-C ends everything at once.")
                self.stop()
            elif number == signal.SIGINT and self._interrupts > 1:
                self._everything_kill()

    # ── children ────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, name: str) -> None:
        if self._stopping_at is not None:
            return
        child = self._children[name]
        output = child.start()
        self._watcher_tell(f"+{child.pid}")
        self._selector.register(output, selectors.EVENT_READ, lambda: self._output_read(child, output))
        if name == "valkey":
            self._broker_wait()
        if name == "web":
            self._web_wait(time.monotonic() + WEB_READY_WITHIN_S)

    def _output_read(self, child: Child, output: int) -> None:
        try:
            chunk = os.read(output, 65536)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(output)
            if (
                child.popen is not None
                and child.popen.stdout is not None
                and child.popen.stdout.fileno() == output
            ):
                child.popen.stdout.close()
            return
        for line in child.lines_split(chunk):
            if child.name == "database" and line.startswith(MARK):
                self._first_run = json.loads(line.removeprefix(MARK) or "{}")
            else:
                self._console.child_line(child.name, line)

    def _output_drain(self, child: Child) -> None:
        """Take what a dead child still had to say (grandchildren may hold the pipe open for longer)."""
        if child.popen is None or child.popen.stdout is None or child.popen.stdout.closed:
            return
        output = child.popen.stdout.fileno()
        while output in self._selector.get_map():
            before = child.unfinished_line
            with contextlib.suppress(BlockingIOError):
                if not (chunk := os.read(output, 65536)):
                    break
                for line in child.lines_split(chunk):
                    if child.name == "database" and line.startswith(MARK):
                        self._first_run = json.loads(line.removeprefix(MARK) or "{}")
                    else:
                        self._console.child_line(child.name, line)
                continue
            child.unfinished_line = before
            break
        if output in self._selector.get_map():
            self._selector.unregister(output)
        child.popen.stdout.close()

    def _reap(self) -> None:
        while True:
            try:
                pid, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            status = os.waitstatus_to_exitcode(code)
            if self._watcher is not None and pid == self._watcher.pid:
                self._watcher.returncode = status
                self._watcher = None
                if self._stopping_at is None:
                    self._watcher_start()
                continue
            for child in self._children.values():
                if child.is_alive and child.pid == pid:
                    self._ended(child, status)

    def _ended(self, child: Child, status: int) -> None:
        child.ended(status)
        self._output_drain(child)
        self._watcher_tell(f"-{child.pid}")
        self._strays_kill()
        if self._stopping_at is not None:
            self._broker_stop_when_last()
            return
        if child.once:
            self._database_prepared(child, status)
            return
        if child.name == "web" and self._renewing:
            self._renewing, child.deaths_in_a_row = False, 0
            self._start("web")
            return
        sentence = f"The {_LONG_NAMES[child.name]} {ending_in_words(status)}"
        if child.is_hopeless:
            self._console.say(
                f"{sentence}, {child.deaths_in_a_row} times in a row: giving up. "
                f"Its last words are in {self._plan.home / 'logs' / (child.name + '.log')}."
            )
            self.stop(status=1)
            return
        self._console.say(f"{sentence}; starting it again in {child.back_off_s:g} s.")
        self._after(child.back_off_s, lambda: self._start(child.name))

    def _database_prepared(self, child: Child, status: int) -> None:
        if status != 0:
            for line in self._console.last_lines(child.name, DATABASE_TROUBLE_LINES):
                self._console.say(line)
            self._console.say("The database could not be brought up to date; what it said stands above.")
            self.stop(status=1)
            return
        self._start("web")

    # ── readiness ───────────────────────────────────────────────────────────────────────────────────────

    def _broker_wait(self) -> None:
        child = self._children["valkey"]
        if self._stopping_at is None and child.is_alive and not broker.answers(self._plan.home):
            self._after(READY_POLL_S, self._broker_wait)

    def _web_wait(self, gives_up_at: float) -> None:
        web = self._children["web"]
        if self._stopping_at is not None or not web.is_alive:
            return
        if self._probe is None:
            self._probe = Probe(self._plan.probe_address)
        if self._probe.is_ready():
            self._probe = None
            self._web_ready()
        elif time.monotonic() > gives_up_at:
            self._console.say(
                f"The web server does not answer at {self._plan.address}/healthz; see the lines above."
            )
        else:
            self._after(READY_POLL_S, lambda: self._web_wait(gives_up_at))

    def _web_ready(self) -> None:
        for name in ("worker", "beat"):
            child = self._children[name]
            if not child.is_alive:
                self._start(name)
        if self._shown_address:
            return
        self._shown_address = True
        if "redirect" in self._children:
            self._start("redirect")
        if self._plan.tls is not None:
            self._after(LOOK_EVERY_S, self._certificate_look)
        self._console.say(
            f"DeployHub is ready at {self._plan.address} (after {time.monotonic() - self._began_at:.1f} s). "
            "Ctrl-C stops it."
        )
        if self._first_run.get("created"):
            self._console.secret(
                [
                    "First start. Sign in as the administrator:",
                    "",
                    f"Address    {self._plan.address}/sign-in/",
                    f"User       {self._first_run['username']}",
                    f"Password   {self._first_run['password']}",
                    "",
                    "The password works once: you choose your own right after.",
                ]
            )

    def _certificate_look(self) -> None:
        """A renewed certificate is taken up by a new web server; what runs in the worker goes on."""
        if self._plan.tls is not None and self._stopping_at is None:
            self._after(LOOK_EVERY_S, self._certificate_look)
            web = self._children["web"]
            if web.is_alive and not self._renewing and (sentence := self._plan.tls.look()):
                self._console.say(f"{sentence} Starting the web server again with it.")
                self._renewing = True
                web.send(signal.SIGTERM)

    # ── ends ────────────────────────────────────────────────────────────────────────────────────────────

    def _broker_stop_when_last(self) -> None:
        if not any(child.is_alive for child in self._all_but_broker()) and "valkey" in self._children:
            self._children["valkey"].send(signal.SIGTERM)

    def _all_but_broker_ask_again(self) -> None:
        for child in self._all_but_broker():
            child.send(signal.SIGQUIT)  # Celery drops what it runs; the job is run again at the next start

    def _all_but_broker_kill(self) -> None:
        for child in self._all_but_broker():
            child.send(signal.SIGKILL)

    def _everything_kill(self) -> None:
        for child in self._children.values():
            child.send(signal.SIGKILL)

    def _strays_kill(self) -> None:
        """End what a dead child left behind: on Linux its orphans have become children of this process."""
        known = {child.pid for child in self._children.values() if child.is_alive}
        if self._watcher is not None:
            known.add(self._watcher.pid)
        for orphan in psutil.Process().children():
            if orphan.pid in known:
                continue
            with contextlib.suppress(psutil.Error):
                for stray in [*orphan.children(recursive=True), orphan]:
                    with contextlib.suppress(psutil.Error):
                        stray.kill()

    def _watcher_start(self) -> None:
        if self._watcher_pipe != -1:
            os.close(self._watcher_pipe)
        reading, self._watcher_pipe = os.pipe()
        os.set_blocking(self._watcher_pipe, False)
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", watcher.__file__, str(reading)],
            pass_fds=(reading, self._lock),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reading)
        for child in self._children.values():
            if child.is_alive:
                self._watcher_tell(f"+{child.pid}")

    def _watcher_tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it was killed; its successor is told everything
            os.write(self._watcher_pipe, line.encode() + b"\n")

    def _watcher_end(self) -> None:
        os.close(self._watcher_pipe)
        if self._watcher is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._watcher.wait(timeout=1)


_LONG_NAMES = {
    "web": "web server",
    "worker": "worker",
    "beat": "scheduler (beat)",
    "valkey": "broker (Valkey)",
    "redirect": "redirect to https",
}


def start(*, home: Path, host: str, port: int, allow_plain_http: bool) -> int:
    """Check what must hold, then run until stopped; raises Refusal."""
    preflight.home_prepare(home)
    tls = tls_choose(home, host, allow_plain_http=allow_plain_http)
    redirect_port = preflight.redirect_port_given(port) if tls is not None else 0
    plan = Plan(
        home=home, host=host, port=port, redis_url=redis_url_given(), tls=tls, redirect_port=redirect_port
    )
    lock = preflight.home_lock(home, address=plan.address)
    preflight.port_require(host, port)
    if redirect_port:
        preflight.port_require(host, redirect_port)
    # For a second command line, such as `make demo`, that wants the workers to hear of it.
    (home / "run" / "redis_url").write_text(plan.redis_url or broker.url(home))
    return Supervisor(plan, Console(home / "logs"), lock=lock).run()

"""`make test`: every test that is not slow, on SQLite with real servers and a real browser, then on PostgreSQL.

`--slow` runs the slow ones instead. What this machine lacks is installed where we may (root and apt), and said
aloud where we may not; the last lines sum up every run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers import NoServerError, postgres_serve  # noqa: E402

NOTHING_COLLECTED = 5
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def apt_install(*packages: str) -> bool:
    """Whether Debian's packages could be installed (by root alone)."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            print(done.stderr.strip()[-600:], flush=True)
            return False
    return True


def playwright_browser() -> str | None:
    """The Chromium that Playwright brought, where it did."""
    asked = subprocess.run(
        [sys.executable, "-c",
         "from playwright.sync_api import sync_playwright as p\nwith p() as w: print(w.chromium.executable_path)"],
        capture_output=True, text=True,
    )  # fmt: skip
    path = asked.stdout.strip()
    return path if asked.returncode == 0 and Path(path).exists() else None


def browser_prepare(environment: dict[str, str], missing: list[str]) -> None:
    """Find or install a Chromium; the journeys read DEPLOYHUB_CHROMIUM, or skip with DEPLOYHUB_NO_CHROMIUM's words."""
    if environment.get("DEPLOYHUB_CHROMIUM"):
        return
    found = next(filter(None, map(shutil.which, BROWSERS)), None) or playwright_browser()
    if found is None:
        print("Installing Chromium for the journeys …", flush=True)
        if apt_install("chromium", "fonts-dejavu-core"):
            found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True)
        found = playwright_browser()
    if found is None:
        reason = "no Chromium here, and none could be installed (as root: apt-get install chromium)"
        environment["DEPLOYHUB_NO_CHROMIUM"] = reason
        missing.append(f"the journeys in a browser: {reason}")
    else:
        environment["DEPLOYHUB_CHROMIUM"] = found


def bubblewrap_prepare(missing: list[str]) -> None:
    if shutil.which("bwrap") is None and not (apt_install("bubblewrap") and shutil.which("bwrap")):
        missing.append(
            "the sandbox's tier A: bubblewrap is not here (as root: apt-get install bubblewrap); tier B is tested"
        )


def pytest_run(
    title: str, marks: str, environment: dict[str, str], closing: list[str], *options: str
) -> bool:
    """One pytest run; its output passes through, its closing line is kept. Whether it passed."""
    print(f"\n── {title}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *options]
    last = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        if run.stdout is None:
            raise RuntimeError("pytest has no output")
        for line in run.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if line.strip():
                last = line.strip().strip("= ")
        status = run.wait()
    passed = status in (0, NOTHING_COLLECTED)
    words = "" if passed or "failed" in last or "error" in last else f" (pytest ended with status {status})"
    closing.append(f"{title}: {last}{words} [{time.monotonic() - started:.0f} s]")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test")
    parser.add_argument("--slow", action="store_true", help="run the slow tests alone")
    parser.add_argument("tests", nargs="*", help="only these files or folders")
    arguments = parser.parse_args()
    began = time.monotonic()
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATABASE_URL_FILE")
    }
    missing: list[str] = []
    closing: list[str] = []
    browser_prepare(environment, missing)
    bubblewrap_prepare(missing)
    side_by_side = ("-n", str(min(os.cpu_count() or 1, 4)))
    results = []
    if arguments.slow:
        results.append(pytest_run("Slow tests", "slow", environment, closing, *arguments.tests))
    else:
        plain = "not slow and not processes and not journey and not engine"
        results.append(pytest_run("SQLite", plain, environment, closing, *side_by_side, *arguments.tests))
        # One after the other: each of these takes the whole machine.
        heavy = "(processes or journey or engine) and not slow"
        results.append(
            pytest_run(
                "Engine, workers and journeys", heavy, environment, closing, "--durations=5", *arguments.tests
            )
        )
        try:
            with postgres_serve() as url:
                with_postgres = environment | {"DATABASE_URL": url}
                results.append(
                    pytest_run("PostgreSQL", plain, with_postgres, closing, *side_by_side, *arguments.tests)
                )
        except NoServerError as error:
            # A promise of this suite, so its absence is a failure and not a footnote.
            closing.append(f"PostgreSQL: not run: {error}")
            results.append(False)
    print(f"\n── Summary after {(time.monotonic() - began) / 60:.1f} minutes")
    for line in closing:
        print(f"  {line}")
    for line in missing:
        print(f"  LEFT OUT: {line}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

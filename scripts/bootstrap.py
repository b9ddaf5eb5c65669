"""Prepare the virtual environment and start DeployHub: the first thing that `make` runs.

Standard library only, and written so that even Python 3.6 can read it: an old interpreter must be
able to say that it is too old. Every failure is one sentence that says what to do.

    bootstrap.py run [--host H] [--port P]     prepare the engine's environment, then become the supervisor
    bootstrap.py install web|engine|dev        prepare an environment only
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST_PYTHON = (3, 11)
NEWEST_TRIED_PYTHON = (3, 13)
# Measured on Linux x86-64: the environment on disk plus what pip unpacks beside it while it installs.
DISK_NEEDED_BYTES = {"web": 1 * 10**9, "engine": 8 * 10**9, "dev": 10 * 10**9}
# `dev` holds everything of `engine`, which holds everything of `web`.
ALSO_GOOD = {"web": ("web", "engine", "dev"), "engine": ("engine", "dev"), "dev": ("dev",)}


class Refusal(Exception):
    """What is wrong with this machine and what to do about it, in one sentence."""


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def python_version_of(command):
    """Version of an interpreter as a pair, or None where it does not run (a pyenv shim may exist and fail)."""
    try:
        answer = subprocess.check_output(
            [command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], stderr=subprocess.DEVNULL
        )
        major, minor = answer.decode("ascii", "replace").strip().split(".")
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def python_find():
    """An interpreter that is new enough: the one asked for, else `python3`, else the newest one tried."""
    asked = os.environ.get("DEPLOYHUB_PYTHON")
    if asked:
        version = python_version_of(asked)
        if version is None:
            raise Refusal(
                "%s is not a Python interpreter that runs here: choose another with PYTHON=…" % asked
            )
        if version < OLDEST_PYTHON:
            raise Refusal(_too_old(version))
        return asked
    found = []
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python"):
        path = shutil.which(name)
        version = python_version_of(path) if path else None
        if version is not None:
            if OLDEST_PYTHON <= version <= NEWEST_TRIED_PYTHON:
                return path
            found.append((version, path))
    found.sort(reverse=True)
    if found and found[0][0] >= OLDEST_PYTHON:
        return found[0][1]
    raise Refusal(_too_old(found[0][0] if found else sys.version_info[:2]))


def _too_old(version):
    return (
        "DeployHub needs Python 3.11 or newer, and the newest found here is %d.%d: install one "
        "(on Debian or Ubuntu: apt install python3.11 python3.11-venv), or name one with PYTHON=/path/to/python."
        % tuple(version)
    )


def requirements_path(name):
    return os.path.join(ROOT, "requirements", name + ".txt")


def venv_path():
    return os.environ.get("DEPLOYHUB_VENV") or os.path.join(ROOT, ".venv")


def venv_python():
    return os.path.join(venv_path(), "bin", "python")


def stamp_wanted(name):
    with open(requirements_path(name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def environment_is_ready(name):
    """Whether an environment made from this very lock file, or a larger one, stands and its interpreter is there."""
    if not os.path.exists(venv_python()):
        return False
    for candidate in ALSO_GOOD[name]:
        try:
            with open(os.path.join(venv_path(), ".installed-" + candidate)) as file:
                if file.read().strip() == stamp_wanted(candidate):
                    return True
        except OSError:
            continue
    return False


def disk_require(name):
    folder = ROOT if not os.path.isdir(venv_path()) else venv_path()
    needed_bytes = DISK_NEEDED_BYTES[name]
    if os.path.isdir(venv_path()):
        # Most of it lies there already: an update needs room for what changed, not for everything again.
        needed_bytes = min(needed_bytes, 3 * 10**9)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise Refusal(
            "The installation needs about %.0f GB of disk, and %s has %.1f GB free: free some space there and start again."
            % (needed_bytes / 1e9, folder, free_bytes / 1e9)
        )


def venv_make():
    if os.path.exists(venv_python()):
        version = python_version_of(venv_python())
        if version is not None and version >= OLDEST_PYTHON:
            return
        shutil.rmtree(venv_path())  # its interpreter is gone or too old; everything in it can be made again
    python = python_find()
    made = subprocess.run(
        [python, "-m", "venv", venv_path()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if made.returncode != 0:
        shutil.rmtree(venv_path(), ignore_errors=True)
        if "ensurepip" in made.stdout:
            version = python_version_of(python) or OLDEST_PYTHON
            raise Refusal(
                "This Python lacks the venv module: install it with `apt install python%d.%d-venv` (or python3-venv) "
                "and start again." % version
            )
        raise Refusal(
            "The virtual environment could not be made in %s: %s" % (venv_path(), made.stdout.strip()[-400:])
        )


def packages_install(name):
    """Install a lock file with pip: quiet, one line of progress, its own words only where it fails."""
    lock_file = requirements_path(name)
    with open(lock_file) as file:
        total = len(re.findall(r"(?m)^[A-Za-z0-9][^\s=]*==", file.read()))
    say(
        "Preparing DeployHub in %s: %d packages, a few minutes the first time."
        % (os.path.relpath(venv_path()), total)
    )
    command = [
        venv_python(), "-m", "pip", "install",
        # The lock file is complete, so pip neither resolves nor adds anything that carries no hash.
        "--require-hashes", "--no-deps",
        "--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-warn-script-location",
        "-r", lock_file,
    ]  # fmt: skip
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    environment.pop("PIP_REQUIRE_VIRTUALENV", None)
    log_path = os.path.join(venv_path(), "install.log")
    on_terminal = sys.stdout.isatty()
    started = time.time()
    seen, shown_at = 0, 0.0
    with open(log_path, "w") as log:
        pip = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        for line in pip.stdout:
            log.write(line)
            words = line.split()
            step = ""
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
                package = words[1] if words[0] == "Collecting" else words[3]
                step = "%3d/%d  %s" % (min(seen, total), total, package.split("=")[0])
            elif line.startswith("Installing collected"):
                step = "Unpacking everything into place"
            if step and on_terminal:
                sys.stdout.write("\r\033[K  " + step)
                sys.stdout.flush()
            elif step and (time.time() - shown_at > 15 or step.startswith("Unpacking")):
                shown_at = time.time()
                say("  " + step)
        status = pip.wait()
    if on_terminal:
        sys.stdout.write("\r\033[K")
    if status != 0:
        with open(log_path) as log:
            lines = [line.rstrip() for line in log if not line.startswith("WARNING: Location")]
        say("\n".join(lines[-15:]))
        if any("No space left" in line for line in lines):
            raise Refusal("The disk became full during the installation: free some space and start again.")
        raise Refusal(
            "The installation stopped (all of it is in %s): start again to go on where it ended." % log_path
        )
    with open(os.path.join(venv_path(), ".installed-" + name), "w") as file:
        file.write(stamp_wanted(name) + "\n")
    say("Prepared in %d s." % (time.time() - started))


def environment_prepare(name):
    if environment_is_ready(name):
        return
    disk_require(name)
    venv_make()
    packages_install(name)


def main():
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", description="Prepare the environment and start DeployHub."
    )
    doors = parser.add_subparsers(dest="door")
    doors.required = True
    run = doors.add_parser("run", help="prepare, then start everything")
    run.add_argument("--host", default="127.0.0.1")
    run.add_argument("--port", default="8000")
    install = doors.add_parser("install", help="prepare an environment only")
    install.add_argument("name", choices=sorted(ALSO_GOOD))
    arguments = parser.parse_args()
    try:
        environment_prepare("engine" if arguments.door == "run" else arguments.name)
    except Refusal as refusal:
        sys.stderr.write("%s\n" % refusal)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Start again to go on where it ended.\n")
        return 130
    if arguments.door == "run":
        os.chdir(ROOT)
        # exec, not a child: Ctrl-C and SIGTERM reach the supervisor itself.
        os.execv(
            venv_python(),
            [venv_python(), "-m", "deployhub.standalone", "--host", arguments.host, "--port", arguments.port],
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

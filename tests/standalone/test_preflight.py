"""What keeps DeployHub from starting is told in one sentence that says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from deployhub.standalone import broker, preflight, watcher
from deployhub.standalone.console import Console
from deployhub.standalone.refusals import Refusal
from deployhub.standalone.supervisor import start

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


def _bootstrap(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "bootstrap.py", *words],
        env={"PATH": "/nonexistent"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _python_that_answers(folder: Path, version: str) -> Path:
    fake = folder / "python3"
    fake.write_text(f"#!/bin/sh\necho {version}\n")
    fake.chmod(0o755)
    return fake


@pytest.mark.parametrize("asked", [True, False])
def test_a_too_old_python_is_told_in_one_sentence(tmp_path: Path, asked: bool):
    fake = _python_that_answers(tmp_path, "3.9")
    given = {"DEPLOYHUB_PYTHON": str(fake)} if asked else {"PATH": str(tmp_path)}
    done = _bootstrap("install", "web", DEPLOYHUB_VENV=str(tmp_path / "venv"), **given)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("DeployHub needs Python 3.11 or newer, and the newest found here is 3.9:")
    assert not (tmp_path / "venv").exists()


def test_a_missing_venv_module_names_the_package_to_install(tmp_path: Path):
    fake = tmp_path / "python3"
    fake.write_text(
        '#!/bin/sh\nif [ "$1" = -c ]; then echo 3.12; else echo "ensurepip is not available"; exit 1; fi\n'
    )
    fake.chmod(0o755)
    done = _bootstrap("install", "web", DEPLOYHUB_VENV=str(tmp_path / "venv"), PATH=str(tmp_path))
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "apt install python3.12-venv" in done.stderr


def test_the_preparation_can_be_read_by_an_old_python():
    import ast

    ast.parse((ROOT / "scripts" / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_a_full_disk_is_told_before_anything_is_installed(tmp_path: Path):
    code = (
        "import runpy, shutil, sys, collections; U = collections.namedtuple('U', 'total used free');"
        "shutil.disk_usage = lambda path: U(10**12, 10**12, 10**9); sys.argv[1:] = ['install', 'engine'];"
        f"runpy.run_path({str(ROOT / 'scripts' / 'bootstrap.py')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"DEPLOYHUB_VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "needs about 8 GB of disk" in done.stderr
    assert "1.0 GB free" in done.stderr


def test_a_full_disk_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 10**8))
    with pytest.raises(Refusal, match=r"100 MB of disk are free .* free some space"):
        preflight.home_prepare(tmp_path / "home")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "home").write_text("a file stands where the folder should")
    with pytest.raises(Refusal, match="cannot write to its folder"):
        preflight.home_prepare(tmp_path / "home")


def test_an_address_outside_loopback_needs_tls(tmp_path: Path):
    with pytest.raises(Refusal, match="unencrypted"):
        start(home=tmp_path, host="0.0.0.0", port=8000, allow_plain_http=False)


def test_an_address_that_is_not_ours_is_told():
    with pytest.raises(Refusal, match="not an address of this machine"):
        preflight.port_require("203.0.113.7", 8000)


def test_the_supervisor_never_imports_django():
    code = "import sys, deployhub.standalone.__main__; print([n for n in sys.modules if n.split('.')[0] in ('django', 'celery', 'torch')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_embedded_broker_is_durable_and_never_evicts(tmp_path: Path):
    command = broker.command(tmp_path)
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--port") + 1] == "0"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("INFO:     Application is up", "Application is up"),
        ("WARNING django.request: Not Found: /x", "django.request: Not Found: /x"),
        ("[2026-11-24 04:20:15,123: INFO/MainProcess] worker@vm ready.", "worker@vm ready."),
        ("DEBUG deployhub.jobs: nothing of interest", None),
        ("INFO:     Started server process [17]", None),
        ("8670:M 24 Nov 2026 04:19:27.018 * Server initialized", None),
        (
            "8670:M 24 Nov 2026 04:19:27.018 # Can't open the append-only file",
            "Can't open the append-only file",
        ),
    ],
)
def test_the_log_is_calm(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, shown: str | None):
    console = Console(tmp_path)
    console.child_line("web", line)
    console.close()
    printed = capsys.readouterr().out
    assert printed.endswith(f"web       │ {shown}\n") if shown else printed == ""
    assert line in (tmp_path / "web.log").read_text()


def test_the_tree_below_a_child_includes_its_grandchildren():
    assert watcher.tree_below({10, 99}, {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}) == {10, 11, 12}

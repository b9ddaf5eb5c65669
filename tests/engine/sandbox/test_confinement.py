"""Promise 1: a hostile model cannot run code outside its sandbox, in each tier that this host has."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from deployhub.engine.sandbox import kernel_calls, seccomp
from tests.engine.sandbox.conftest import Bench
from tests.hostile.corpus import Call, call_by_name


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    folder.chmod(0o777)
    secret = folder / "secret.txt"
    secret.write_text("canary-5f1c")
    secret.chmod(0o644)
    return folder


def test_promise_01_every_probe_is_denied(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from deployhub.engine.sandbox.report import probes_take

    monkeypatch.setenv("DEPLOYHUB_SECRET_KEY", "canary-5f1c")
    probes = probes_take(tier=str(bench.client._tier), python=Path(sys.executable))
    assert [probe["name"] for probe in probes if not probe["denied"]] == []
    assert len(probes) >= 40


def test_promise_01_a_payload_that_is_loaded_unsafely_touches_nothing_outside(
    bench: Bench, outside: Path
) -> None:
    import pickle

    marker = outside / "marker"
    for payload in (
        call_by_name("os", "system", f"touch {marker}"),
        call_by_name("os", "system", f"cp {outside}/secret.txt {bench.root}/stolen"),
        pickle.dumps(Call(os.mkdir, str(marker))),
        pickle.dumps(Call(os.remove, str(outside / "secret.txt"))),
    ):
        result = bench.run(kind="unpickle", source="in/evil.pkl", files={"evil.pkl": payload})
        assert "outcome" in result
    assert sorted(path.name for path in outside.iterdir()) == ["secret.txt"]
    assert not (bench.root / "stolen").exists()


def test_promise_01_a_listener_on_this_machine_is_never_reached(bench: Bench, outside: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(outside / "s.sock"))
        unix.listen()
        (outside / "s.sock").chmod(0o777)
        tcp.setblocking(False)
        unix.setblocking(False)
        code = f"""
import socket
for family, address in ((2, ("127.0.0.1", {tcp.getsockname()[1]})), (1, "{outside}/s.sock")):
    try:
        socket.socket(family).connect(address)
        result[str(family)] = "connected"
    except OSError as refused:
        result[str(family)] = refused.errno
"""
        assert bench.run(code) == {"2": 1, "1": 1}
        for listener in (tcp, unix):
            with pytest.raises(BlockingIOError):
                listener.accept()


def test_promise_01_a_job_sees_no_secret_of_its_worker(
    bench: Bench, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "canary-5f1c")
    code = f"""
import glob, os
seen = repr(dict(os.environ))
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline") + ["{outside}/secret.txt"]:
    try:
        seen += open(path, errors="replace").read()
    except OSError:
        pass
result["seen"] = "canary-5f1c" in seen
result["user"] = os.getuid()
"""
    assert bench.run(code)["seen"] is False


def test_a_job_never_runs_as_root(bench: Bench) -> None:
    result = bench.run("import os; result['ids'] = [*os.getresuid(), *os.getresgid(), *os.getgroups()]")
    assert 0 not in result["ids"]


def test_one_job_cannot_read_or_write_the_folder_of_another(bench: Bench) -> None:
    bench.run("(workdir / 'out' / 'mine.txt').write_text('first')")
    other = bench.workdir
    code = f"""
for path, mode in (("{other}/out/mine.txt", "r"), ("{other}/out/new.txt", "w"), ("{other}/spec.json", "r")):
    try:
        open(path, mode)
        result[path + mode] = "opened"
    except OSError:
        pass
"""
    assert bench.run(code) == {}


def test_a_link_in_the_output_is_refused(bench: Bench) -> None:
    from deployhub.engine.client import EngineFailed

    with pytest.raises(EngineFailed) as failed:
        bench.run("import os; os.symlink('/etc/passwd', workdir / 'out' / 'model.onnx')")
    assert failed.value.code == "engine_output_invalid"


def test_our_table_of_system_calls_agrees_with_libseccomp() -> None:
    pyseccomp = pytest.importorskip("pyseccomp")
    resolve = pyseccomp._libseccomp.seccomp_syscall_resolve_name_arch
    for machine, numbers in kernel_calls.SYSCALLS.items():
        for name, number in numbers.items():
            assert resolve(seccomp.AUDIT_ARCH[machine], name.encode()) == number, (machine, name)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_call_that_must_be_denied_has_a_number(machine: str) -> None:
    only_elsewhere = (
        {"iopl", "ioperm", "modify_ldt", "_sysctl", "uselib", "mknod"} if machine == "aarch64" else set()
    )
    assert set(seccomp.DENIED) - set(kernel_calls.SYSCALLS[machine]) == only_elsewhere
    assert len(seccomp.filter_assemble(own_pid=1, signals_scoped=False, machine=machine)) % 8 == 0

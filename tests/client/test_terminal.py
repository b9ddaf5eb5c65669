"""On a terminal: bars, tables, colours only where they are wanted."""

from __future__ import annotations

import re

import pytest

from tests.conversion.conftest import FakeEngine

pytestmark = pytest.mark.django_db(transaction=True)
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


@pytest.fixture
def on_a_terminal(monkeypatch):
    for name in ("NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")


def test_phases_are_drawn_as_bars_and_lists_as_tables(
    as_user, engineer, version, catalogue, work_while_waiting, on_a_terminal, tmp_path
):
    work_while_waiting(FakeEngine())
    run = as_user(engineer)
    done = run("export", str(version.pk), "-f", "onnx", "--pull", str(tmp_path))
    assert done.code == 0, done.err
    assert "Comparing with the source" in done.err
    assert "3 of 3 inputs" in done.err
    assert "━" in done.err
    assert re.search(r"[KM]iB/s|10/10 bytes", done.err)
    assert "Downloading" in done.err
    assert COLOUR.search(done.err)
    table = run("models")
    assert "\t" not in table.out
    assert "shapes/shapes-detector" in table.out


@pytest.mark.parametrize("how", ["--no-color", "NO_COLOR"])
def test_colours_can_be_declined(
    as_user, engineer, version, catalogue, work_while_waiting, on_a_terminal, monkeypatch, how
):
    work_while_waiting(FakeEngine())
    words = ["export", str(version.pk), "-f", "onnx", "--wait"]
    if how == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        words.append(how)
    done = as_user(engineer)(*words)
    assert done.code == 0
    assert not COLOUR.search(done.err + done.out)


def test_json_keeps_stdout_clean_on_a_terminal(
    as_user, engineer, version, catalogue, work_while_waiting, on_a_terminal
):
    work_while_waiting(FakeEngine())
    done = as_user(engineer)("export", str(version.pk), "-f", "onnx", "--wait", "--json")
    assert done.document["artifact"]["proof"] == "verified"
    assert "\x1b" not in done.out

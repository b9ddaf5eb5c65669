"""Names and sizes: a word that could mean anything, or a file that one cannot hold in the head, is a defect."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT, source_files, syntax_of, tracked_files

BANNED = frozenset(
    {"util", "utils", "helper", "helpers", "misc", "common", "manager", "process", "data", "info", "stuff"}
)
"""docs/glossary.md says what to write instead."""

FRAMEWORK_NAMES = {
    "UserManager": "Django's word for the object that makes querysets",
    "TotpDeviceManager": "Django's word for the object that makes querysets",
}

LONGEST_FILE_LINES = 400
LONGEST_TEST_FILE_LINES = 500
LONG_FILES: dict[str, str] = {
    "tests/processes/cluster.py": "one cluster of real processes: each method starts, kills or asks a part of it",
}
"""Reviewed exceptions, each with its reason. A file that got shorter must leave the list."""

FOLDERS = ("deployhub", "tests", "benchmarks", "scripts")


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word for word in spaced.lower().split("_") if word}


def _definitions(path: Path) -> Iterator[str]:
    for node in ast.walk(syntax_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def test_no_file_or_folder_has_a_name_that_could_mean_anything() -> None:
    wrong = {
        str(path)
        for path in tracked_files()
        if path.parts[0] in FOLDERS
        for part in (*path.parts[:-1], path.stem)
        if part.lower() in BANNED or part.lower().endswith(("_utils", "_helpers", "_misc", "_manager"))
    }
    assert wrong == set(), "rename these after what they hold"


def test_no_class_is_a_helper_or_a_manager() -> None:
    vague = {"util", "utils", "helper", "helpers", "misc", "manager"}
    wrong = {
        f"{path}: {name}"
        for path in source_files()
        for name in _definitions(path)
        if (_words(name) & vague or name.lower().strip("_") in BANNED) and name not in FRAMEWORK_NAMES
    }
    assert wrong == set(), "name them after what they do"


def test_no_file_is_longer_than_one_can_hold_in_the_head() -> None:
    long = {
        str(path): lines
        for path in source_files(*FOLDERS)
        if (lines := len((ROOT / path).read_text().splitlines()))
        > (LONGEST_TEST_FILE_LINES if path.parts[0] == "tests" else LONGEST_FILE_LINES)
    }
    assert set(long) - set(LONG_FILES) == set(), f"make each a package of the same name: {long}"
    assert set(LONG_FILES) - set(long) == set(), "these are short again: take them off the list"


def test_nothing_is_left_to_do_in_a_comment() -> None:
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    wrong = [
        f"{path}:{number}"
        for path in tracked_files()
        if path.suffix in (".py", ".js", ".mjs", ".css", ".html", ".md", ".toml", ".yml", ".yaml", ".sh")
        and "vendor" not in path.parts
        and path.name not in ("LICENSE", "package-lock.json", "app.css")
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), start=1)
        if mark.search(line)
    ]
    assert wrong == [], "do it, or file an issue"


def test_nothing_prints_but_the_programs_for_a_terminal() -> None:
    speaks = (
        "deployhub/client/",
        "deployhub/standalone/",
        "deployhub/witness/command.py",
        "deployhub/witness/verifier.py",
        "deployhub/engine/__main__.py",
        "deployhub/engine/demo/train.py",
    )
    wrong = [
        f"{path}:{node.lineno}"
        for path in source_files()
        if not str(path).startswith(speaks)
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == [], "log it, or let a management command write it to its stdout"


USE_CASES_BY_ANOTHER_NAME = {
    "demo_offer_answer": "the answer is kept on the account",
    "totp_confirm": "ends what mfa.enrol began",
    "totp_enrol": "the kind of second factor that there is",
    "passkey_confirm": "ends what mfa.enrol began",
    "passkey_register": "the other kind of second factor",
    "recovery_codes_renew": "recovery codes belong to the second factor",
}
"""Reviewed: use cases whose function does not speak of the permission's entity."""


def test_a_use_case_is_named_after_its_permission() -> None:
    """`@usecase("version.create")` stands on a function that speaks of the same thing."""
    other = []
    for path in source_files():
        for node in ast.walk(syntax_of(path)):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                if not (isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "usecase"):
                    continue
                permission = str(ast.literal_eval(decorator.args[0]))
                shared = _words(node.name) & _words(permission.replace(".", "_"))
                if not shared and node.name not in USE_CASES_BY_ANOTHER_NAME:
                    other.append(f"{path}: {node.name} is the use case {permission}")
    assert other == []

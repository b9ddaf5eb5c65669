"""The documentation says what the code says: links lead somewhere, tables are complete, generated pages are fresh."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from deployhub.engine.spec import ErrorCode
from deployhub.portal.management.commands.roles_document import roles_markdown
from deployhub.portal.vocab import DOCUMENTS
from tests.architecture.tree import ROOT, source_files, syntax_of, tracked_files

DOCS = ROOT / "docs"
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_CODE_BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)

NOT_FOR_OPERATORS = {
    "DEPLOYHUB_TEST_HOME": "tests",
    "DEPLOYHUB_UNDER_MAKE": "set by the Makefile for the supervisor",
    "DEPLOYHUB_STANDALONE": "set by the supervisor for its children",
    "DEPLOYHUB_SANDBOX_CANARY": "planted by a probe to see whether it leaks",
}


def _pages() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md" and "vendor" not in path.parts]


def _anchors(path: Path) -> set[str]:
    """Anchors as portal/documents.py and code hosts make them."""
    text = _CODE_BLOCK.sub("", path.read_text())
    found = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"[`*]", "", heading).lower()
        found.add(re.sub(r"[^a-z0-9_]+", "-", plain).strip("-"))
        found.add(re.sub(r"[^a-z0-9_ -]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", _pages(), ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for groups in _LINK.findall(_CODE_BLOCK.sub("", (ROOT / page).read_text())):
        target = groups[0] or groups[1]
        if target.startswith(("http://", "https://", "mailto:", "/")):
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_that_the_interface_lists_is_there() -> None:
    missing = {name for name in DOCUMENTS if not (DOCS / f"{name}.md").is_file()}
    assert missing == set()


def test_the_page_of_roles_is_what_the_code_says() -> None:
    assert (DOCS / "roles.md").read_text() == roles_markdown(), "run: manage.py roles_document"


def _codes_in_code() -> set[str]:
    """Every error code that reaches a user: class attributes and `code="…"` of errors."""
    found = {value for name, value in vars(ErrorCode).items() if name.isupper()}
    for path in source_files():
        if path.parts[1] in ("client", "standalone", "engine"):
            continue
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.keyword) and node.arg == "code":
                found |= {str(part.value) for part in ast.walk(node.value) if isinstance(part, ast.Constant)}
            if isinstance(node, ast.ClassDef):
                for line in node.body:
                    names_code = isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code"
                    if names_code and isinstance(line.value, ast.Constant):
                        found.add(str(line.value.value))
    return found - {"", "None"}


def test_every_error_code_is_explained() -> None:
    explained = set(re.findall(r"^### `([a-z_]+)`$", (DOCS / "errors.md").read_text(), re.M))
    assert _codes_in_code() - explained == set(), "tell in docs/errors.md what they mean and what to do"
    assert explained - _codes_in_code() == set(), "no code raises these any more"


def test_every_error_says_what_to_do() -> None:
    for section in (DOCS / "errors.md").read_text().split("\n### ")[1:]:
        assert "*What to do:*" in section, section.splitlines()[0]


def _settings_in_code(*, of_client: bool) -> set[str]:
    readers = {"env", "env_flag", "env_int"}
    found: set[str] = set()
    for path in source_files("deployhub", "scripts"):
        if (path.parts[:2] == ("deployhub", "client")) is not of_client:
            continue
        for node in ast.walk(syntax_of(path)):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = ast.unparse(node.func)
            if called in readers or called in ("os.environ.get", "os.getenv"):
                found.add(str(node.args[0].value))
    return {name for name in found if name.startswith("DEPLOYHUB_") or name.endswith("_URL")}


@pytest.mark.parametrize(("page", "of_client"), [("operations.md", False), ("api.md", True)])
def test_every_setting_is_in_the_documentation(page: str, of_client: bool) -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", (DOCS / page).read_text()))
    assert _settings_in_code(of_client=of_client) - set(NOT_FOR_OPERATORS) - named == set()


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## Unreleased$", text, re.M)


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    assert "make run" in first_screen
    assert "make test" in first_screen


def test_contributing_fits_one_screen() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 40


def test_no_two_decisions_have_the_same_number() -> None:
    """A gap is no defect: decisions are numbered when they are begun, and land when they are done."""
    numbers = [int(path.name[:4]) for path in (DOCS / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", ["security.md", "asvs.md"])
def test_every_test_that_a_page_of_security_names_exists(page: str) -> None:
    text = (DOCS / page).read_text()
    defined = {
        node.name
        for path in source_files("tests")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", text))
    assert named
    assert named - defined == set()


ASVS_5_0_0 = (
    "1.1:1,2 1.2:1,2,3,4,5,6,7,8,9 1.3:1,2,3,4,5,6,7,8,9,10,11 1.4:1,2,3 1.5:1,2 2.1:1,2,3 2.2:1,2,3 2.3:1,2,3,4 2.4:1 "
    "3.2:1,2 3.3:1,2,3,4 3.4:1,2,3,4,5,6 3.5:1,2,3,4,5 3.7:1,2 4.1:1,2,3 4.2:1 4.3:1,2 4.4:1,2,3,4 5.1:1 5.2:1,2,3 "
    "5.3:1,2 5.4:1,2,3 6.1:1,2,3 6.2:1,2,3,4,5,6,7,8,9,10,11,12 6.3:1,2,3,4 6.4:1,2,3,4 6.5:1,2,3,4,5 6.6:1,2,3 "
    "6.8:1,2,3,4 7.1:1,2,3 7.2:1,2,3,4 7.3:1,2 7.4:1,2,3,4,5 7.5:1,2 7.6:1,2 8.1:1,2 8.2:1,2,3 8.3:1 8.4:1 9.1:1,2,3 "
    "9.2:1,2,3,4 10.1:1,2 10.2:1,2 10.3:1,2,3,4 10.4:1,2,3,4,5,6,7,8,9,10,11 10.5:1,2,3,4,5 10.6:1,2 10.7:1,2,3 "
    "11.1:1,2 11.2:1,2,3 11.3:1,2,3 11.4:1,2,3,4 11.5:1 11.6:1 12.1:1,2,3 12.2:1,2 12.3:1,2,3,4 13.1:1 13.2:1,2,3,4,5 "
    "13.3:1,2 13.4:1,2,3,4,5 14.1:1,2 14.2:1,2,3,4 14.3:1,2,3 15.1:1,2,3 15.2:1,2,3 15.3:1,2,3,4,5,6,7 16.1:1 "
    "16.2:1,2,3,4,5 16.3:1,2,3,4 16.4:1,2,3 16.5:1,2,3 17.1:1 17.2:1,2,3,4 17.3:1,2"
)
"""Requirements of levels 1 and 2, by section, as OWASP published them."""


def _requirements_answered() -> list[str]:
    found = []
    for numbers in re.findall(r"^\| (\d[^|]*) \|", (DOCS / "asvs.md").read_text(), re.M):
        for part in numbers.split(","):
            first, _, last = part.strip().partition(" to ")
            section, _, start = first.rpartition(".")
            end = (last or first).rpartition(".")[2]
            found += [f"{section}.{number}" for number in range(int(start), int(end) + 1)]
    return found


def test_every_requirement_of_the_checklist_is_answered_once() -> None:
    asked = [
        f"{section}.{number}"
        for section, numbers in (entry.split(":") for entry in ASVS_5_0_0.split())
        for number in numbers.split(",")
    ]
    assert len(asked) == 253
    assert sorted(_requirements_answered()) == sorted(asked)


def test_every_answer_of_the_checklist_has_a_state_and_a_reason() -> None:
    rows = re.findall(r"^\| \d[^|]* \| ([^|]*) \| ([^|]*) \|", (DOCS / "asvs.md").read_text(), re.M)
    assert {state for state, _ in rows} <= {"met", "partly", "not yet", "does not apply"}
    assert all(reason.strip() for _, reason in rows)

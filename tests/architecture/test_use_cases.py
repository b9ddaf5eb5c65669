"""One name is permission, audit action and function; every permission is somebody's, and does something."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import pytest

import deployhub
from deployhub.access.vocab import (
    ADMINISTRATOR_PERMISSIONS,
    CHOOSABLE_PERMISSIONS,
    NO_TOKEN_CARRIES,
    PERMISSIONS,
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Reach,
)
from deployhub.usecase import USECASES
from tests.architecture.tree import ROOT, source_files, syntax_of, tracked_files

WEB = ("accounts", "audit", "conversion", "jobs", "portal", "registry", "review")


def _modules(room: str) -> list[ModuleType]:
    found = []
    for app in WEB:
        package = importlib.import_module(f"deployhub.{app}")
        for entry in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if f".{room}" in f".{entry.name.split('.', 2)[-1]}" and entry.name.split(".")[2] == room:
                found.append(importlib.import_module(entry.name))
    return found


@pytest.fixture(scope="module", autouse=True)
def _all_services_are_loaded() -> None:
    _modules("services")


def test_every_use_case_takes_keywords_only_and_names_its_actor() -> None:
    assert USECASES
    for name, cases in USECASES.items():
        for case in cases:
            signature = inspect.signature(case.function)
            kinds = {p.kind for p in signature.parameters.values()}
            assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, (
                f"{case.function.__name__} takes arguments by position"
            )
            assert "actor" in signature.parameters, f"{case.function.__name__} does not say who acts"
            assert name in PERMISSIONS
            if case.on:
                assert case.on in signature.parameters, (
                    f"{case.function.__name__} is on {case.on}, which it does not take"
                )
            elif PERMISSIONS[name].reach is Reach.PROJECT:
                pytest.fail(
                    f"{case.function.__name__} ({name}) is decided in a project: say on which argument"
                )


def _words_in_code() -> set[str]:
    said: set[str] = set()
    for path in source_files():
        if path.name == "vocab.py" and path.parts[1] == "access":
            continue
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.add(node.value)
    for path in tracked_files():
        if path.parts[0] == "templates" and path.suffix == ".html":
            said |= set(re.findall(r'{% may "([a-z_.]+)"', (ROOT / path).read_text()))
    return said


def test_every_permission_opens_something() -> None:
    unused = set(PERMISSIONS) - _words_in_code()
    assert unused == set(), "no use case, page or API action asks for these"


def test_every_permission_belongs_to_somebody() -> None:
    by_role = set().union(*ROLE_PERMISSIONS.values())
    for code, permission in PERMISSIONS.items():
        if permission.reach is Reach.PROJECT:
            assert code in by_role, f"no role may {code}"
        if permission.reach is Reach.INSTANCE:
            assert code in ADMINISTRATOR_PERMISSIONS, f"nobody may {code}"


def test_a_token_can_neither_make_another_nor_touch_password_or_second_factor() -> None:
    """The one exception, token.rotate_itself, is in no scope and cannot be chosen: see test_machine_tokens.py."""
    carried = CHOOSABLE_PERMISSIONS.union(*SCOPE_PERMISSIONS.values())
    assert not {code for code in carried if code.startswith(("token.", "mfa.")) or code == "account.password"}


def test_every_verb_of_the_api_that_a_role_has_fits_into_some_token_scope() -> None:
    """But for those over tokens of service accounts: see the law above."""
    carried = set().union(*SCOPE_PERMISSIONS.values())
    verbs = {code for codes in ROLE_PERMISSIONS.values() for code in codes}
    assert {code for code in verbs if not code.startswith("token.")} - carried <= NO_TOKEN_CARRIES
    assert not carried & NO_TOKEN_CARRIES


@pytest.mark.parametrize("room", ["services", "selectors"])
def test_every_function_of_writes_and_reads_tells_what_it_takes_and_gives(room: str) -> None:
    """Types on everything; and a docstring, or a signature short enough to tell by itself."""
    modules = _modules(room)
    assert modules
    untold = []
    for module in modules:
        for name, function in vars(module).items():
            if (
                name.startswith("_")
                or not inspect.isfunction(function)
                or function.__module__ != module.__name__
            ):
                continue
            bare = inspect.unwrap(function)
            typed = set(inspect.get_annotations(bare)) >= {*inspect.signature(bare).parameters, "return"}
            lines = len(inspect.getsource(bare).splitlines())
            if not typed or (not bare.__doc__ and lines > 14):
                untold.append(f"{module.__name__}.{name}")
    assert untold == []


def test_writes_live_in_services_alone() -> None:
    """Doors never call `.save()`, `.create()`, `.delete()` or `.update()` on rows: they call use cases."""
    verbs = {
        "save",
        "bulk_create",
        "bulk_update",
        "get_or_create",
        "update_or_create",
        "delete",
        "compare_and_set",
    }
    wrong = []
    for path in source_files():
        room = path.parts[2].removesuffix(".py") if len(path.parts) > 2 else ""
        if path.parts[1] not in WEB or room not in (
            "views",
            "api",
            "forms",
            "serializers",
            "filters",
            "selectors",
        ):
            continue
        for node in ast.walk(syntax_of(path)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            through_rows = node.func.attr == "create" and ast.unparse(node.func.value).endswith(".objects")
            if (node.func.attr in verbs and "session" not in ast.unparse(node.func.value)) or through_rows:
                wrong.append(f"{path}:{node.lineno} {ast.unparse(node.func)}(…)")
    assert wrong == []


def test_there_is_one_task_for_work_and_duties_beside_it() -> None:
    for module in _modules("tasks"):
        assert module
    from deployhub.config.celery import app

    ours = {name for name in app.tasks if name.startswith("deployhub.")}
    assert ours == {
        "deployhub.audit.seal",
        "deployhub.jobs.run_job",
        "deployhub.jobs.reconcile",
        "deployhub.portal.sweep",
        "deployhub.review.watch",
        "deployhub.review.retention",
    }


def test_the_package_says_its_version_once() -> None:
    assert re.search(
        rf'^version = "{re.escape(deployhub.__version__)}"$', (ROOT / "pyproject.toml").read_text(), re.M
    )

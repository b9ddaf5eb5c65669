"""The API does what its own description says, whoever asks, and never answers 500."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deployhub.access.vocab import TokenScope
from deployhub.accounts.throttling import ActorThrottle
from tests.matrix.things import Things, thing_of

pytestmark = pytest.mark.django_db

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/offset+octet-stream")
def _bytes(context: Any, value: Any) -> bytes:
    """A piece of an upload is the bytes themselves."""
    return value if isinstance(value, bytes) else str(value).encode()


PEOPLE = ("owner", "engineer", "release_manager", "viewer", "stranger", "administrator", "auditor")


@pytest.fixture
def description(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(ActorThrottle, "allow_request", lambda *args: True)
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())


def converse(description: Any, token: str | None, things: Things, *, examples: int) -> list[str]:
    """Talk to every operation; what one request changes is rolled back before the next."""
    broken: list[str] = []
    bounds = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for found in description.get_all_operations():
        operation = found.ok()
        try:
            bounds(conversation(operation, token, things))()
        except Exception as error:
            broken.append(f"{operation.method.upper()} {operation.path}: {type(error).__name__}: {error}")
    return broken


def conversation(operation: Any, token: str | None, things: Things) -> Callable[[], None]:
    """A property: whatever is sent to this operation, to a real object or to an invented one, it answers as described."""
    kinds = real_parts(operation.path)

    @given(case=operation.as_strategy(), real=st.sampled_from([True, True, False]))
    def ask(case: Any, real: bool) -> None:
        if real and kinds:
            case.path_parameters = {name: things.text(kind, "uuid") for name, kind in kinds.items()}
        point = transaction.savepoint()
        try:
            # Uploads speak tus, which refuses every other version before it looks at anything else.
            headers = {"Tus-Resumable": "1.0.0"} | ({"Authorization": f"Bearer {token}"} if token else {})
            response = case.call(headers=headers)
            case.validate_response(response, checks=CHECKS)
        finally:
            transaction.savepoint_rollback(point)

    return ask


def real_parts(path: str) -> dict[str, str]:
    """The variable parts of a described path, and what each names."""
    parts = path.strip("/").split("/")
    return {
        part.strip("{}"): thing_of(part.strip("{}"), parts[index - 1])
        for index, part in enumerate(parts)
        if part.startswith("{")
    }


ALONE = [f"{scope} token" for scope in TokenScope.values]
"""An owner's token with one scope."""
CALLERS = [*PEOPLE, "anonymous", *ALONE]


@pytest.fixture
def caller(request: pytest.FixtureRequest, token_of: Any, project: Any) -> tuple[str | None, Things]:
    """What a caller sends to prove who it is, and the things whose addresses it knows."""
    name = request.param
    if name == "anonymous":
        return None, Things(project, request.getfixturevalue("owner"))
    if name in ALONE:
        user = request.getfixturevalue("owner")
        return token_of(user, scopes=[name.partition(" ")[0]]), Things(project, user)
    user = request.getfixturevalue(name)
    return token_of(user), Things(project, user)


@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_promise_30_the_api_keeps_its_own_description(
    caller: tuple[str | None, Things], description: Any
) -> None:
    broken = converse(description, *caller, examples=2)
    assert not broken, "\n\n".join(broken)


@pytest.mark.slow
@pytest.mark.parametrize("caller", CALLERS, indirect=True)
def test_promise_30_the_api_keeps_its_own_description_at_length(
    caller: tuple[str | None, Things], description: Any
) -> None:
    broken = converse(description, *caller, examples=15)
    assert not broken, "\n\n".join(broken)

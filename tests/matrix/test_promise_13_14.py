"""Every address × every person × own, foreign and unknown objects: the doors agree, and nothing of others shows.

The routes come from the URL resolver and the expectation from the policy, so a new address is covered by itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from deployhub.access import policy
from deployhub.access.models import CustomRole, Membership
from deployhub.access.vocab import (
    CUSTOM,
    PERMISSIONS,
    PREVIEW_PERMITTED,
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Reach,
    TokenScope,
)
from deployhub.accounts.vocab import Factor
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import system_scope
from deployhub.doors.vocab import SESSION_FACTOR, SESSION_PREVIEW, SESSION_SECOND_FACTOR_AT
from deployhub.kernel.actor import Actor, Preview
from deployhub.kernel.clock import utc_now
from tests.matrix.routes import Route, guarded_routes
from tests.matrix.things import Things, nothing_like, thing_of

pytestmark = pytest.mark.django_db

MEMBERS = ("owner", "engineer", "release_manager", "viewer")
IN_BETWEEN = ("steward", "lapsed", "previewer")
"""A member by a role of the project's own; one whose membership has ended; an owner who views as a viewer."""
PEOPLE = (*MEMBERS, "stranger", "nobody", "administrator", "auditor", *IN_BETWEEN)
GLOBAL_THINGS = {
    "document",
    "format",
    "event",
    "checkpoint",
    "user",
    "finding",
    "rule",
    "digest",
    "toolchain",
    "mfa_reset",
    "provider",
}
"""Things that belong to no project: whoever may see one may see all."""

LEADS_BACK = {
    f"accounts:{name}": "its GET leads back to the list and looks at nothing; its POST does"
    for name in ("mfa-remove", "mfa-rename", "passkey-remove", "passkey-rename")
}
"""Reviewed: addresses whose GET redirects without having looked at the object."""

_NOISE = (
    (re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"'), b"CSRF"),
    (re.compile(rb'csrf-token" content="[^"]+"'), b"CSRF"),
    (re.compile(rb"\b[0-9a-f]{32}\b"), b"REQUEST"),
    (re.compile(rb"\b[A-Za-z0-9]{64}\b"), b"CSRF"),
)


@pytest.fixture
def nobody(person: Any) -> Any:
    """Signed in, without a role anywhere."""
    return person("nobody")


@pytest.fixture
def steward(person: Any, project: Any) -> Any:
    """A viewer who may point aliases, by a role that the project made."""
    user = person("steward")
    with system_scope("test role"):
        role = CustomRole.objects.create(
            project=project, name="Steward", slug="steward", permissions=sorted(ROLE_PERMISSIONS["viewer"] | {"model.alias"})
        )  # fmt: skip
        Membership.objects.create(user=user, project=project, role=CUSTOM, custom_role=role)
    return user


@pytest.fixture
def lapsed(person: Any, project: Any) -> Any:
    """An engineer until a minute ago."""
    user = person("lapsed")
    with system_scope("test membership"):
        Membership.objects.create(
            user=user, project=project, role="engineer", expires_at=utc_now() - timedelta(minutes=1)
        )
    return user


@pytest.fixture
def previewer(person: Any, project: Any) -> Any:
    return person("previewer", role="owner", project=project)


@pytest.fixture
def cast(owner: Any, engineer: Any, release_manager: Any, viewer: Any, stranger: Any, nobody: Any,
         administrator: Any, auditor: Any, steward: Any, lapsed: Any, previewer: Any) -> dict[str, Any]:  # fmt: skip
    people = (owner, engineer, release_manager, viewer, stranger, nobody, administrator, auditor, steward, lapsed, previewer)  # fmt: skip
    return {user.username: user for user in people}


@pytest.fixture
def acting(acting: Any, project: Any) -> Any:
    """The actor as the policy sees them: the previewer is one who views as a viewer."""

    def make(user: Any) -> Actor:
        if user.username != "previewer":
            return acting(user)
        return acting(user, acting_as="Viewer in Shapes", preview=Preview(project.pk, "viewer"))

    return make


TUS = {"Tus-Resumable": "1.0.0"}
"""Uploads speak tus, which refuses what does not say so before anything else."""


def door_of(user: Any) -> Client:
    client = Client(raise_request_exception=False, headers=TUS)
    client.force_login(user)
    session = client.session
    session[SESSION_FACTOR] = Factor.TOTP
    session[SESSION_SECOND_FACTOR_AT] = time.time()
    if user.username == "previewer":
        project_id = user.memberships.get().project_id
        session[SESSION_PREVIEW] = {
            "project": str(project_id),
            "role": "viewer",
            "called": "Viewer in Shapes",
        }
    session.save()
    return client


def calm(response: Any, *words: str) -> bytes:
    """The body without what differs in every answer, and without the address's own words."""
    body: bytes = b"".join(response.streaming_content) if response.streaming else response.content
    # The noise first: a short word, such as a picture's number, would cut a request's id into pieces.
    for pattern, stand_in in _NOISE:
        body = pattern.sub(stand_in, body)
    for word in words:
        body = body.replace(word.encode(), b"THING")
    return body


def difference(foreign: tuple[Any, ...], unknown: tuple[Any, ...]) -> str:
    """Where two answers part, for a person who has to mend it."""
    if foreign[:2] != unknown[:2] or foreign[2] == unknown[2]:
        return f"{foreign[:2]} / {unknown[:2]}"
    at = next((i for i, (a, b) in enumerate(zip(foreign[2], unknown[2], strict=False)) if a != b), 0)
    return f"{foreign[0]}, but …{foreign[2][max(0, at - 60) : at + 60]!r} / …{unknown[2][max(0, at - 60) : at + 60]!r}"


def addresses(route: Route, own: Things, foreign: Things) -> Iterator[tuple[str, str, list[str]]]:
    """("own" | "foreign" | "unknown", address, its variable parts); only the first part is made foreign or unknown."""
    if not route.kwargs:
        yield "own", route.fill({}), []
        return
    kinds = {name: thing_of(name, before) for name, _, before in route.kwargs}
    for kind in kinds.values():
        if kind not in own.made:
            pytest.fail(f"teach tests/matrix/things.py to make: {kind} ({route.address})")
    first, converter, _ = route.kwargs[0]
    mine = {name: own.text(kinds[name], converter) for name, converter, _ in route.kwargs}
    theirs = {name: foreign.text(kinds[name], converter) for name, converter, _ in route.kwargs}
    none = {**theirs, first: nothing_like(converter, theirs[first])}
    yield "own", route.fill(mine), list(mine.values())
    if kinds[first] not in GLOBAL_THINGS:
        yield "foreign", route.fill(theirs), list(theirs.values())
    yield "unknown", route.fill(none), list(none.values())


def expected(actor: Actor, route: Route, method: str, which: str, *, sees_all: bool) -> int:
    """200 stands for "served" (any 2xx or 3xx)."""
    permission = route.permission(method)
    if not policy.can(actor, permission):
        return 403
    if which == "own":
        return 200
    of_self = PERMISSIONS[permission].reach is Reach.SELF
    return 200 if which == "foreign" and sees_all and not of_self else 404


def family(status: int) -> int:
    return 200 if status < 400 else status


@pytest.fixture
def world(cast: dict[str, Any], project: Any, foreign_project: Any) -> Callable[[str], tuple[Things, Things]]:
    """The things of a person's side and of the other side."""

    def make(name: str) -> tuple[Things, Things]:
        if name == "stranger":
            return Things(foreign_project, cast[name]), Things(project, cast["engineer"])
        return Things(project, cast[name]), Things(foreign_project, cast["stranger"])

    return make


@pytest.mark.parametrize("name", PEOPLE)
def test_promise_13_every_get_answers_as_the_policy_says_at_both_doors(
    name: str, cast: dict[str, Any], world: Any, acting: Any
) -> None:
    own, foreign = world(name)
    user, client = cast[name], door_of(cast[name])
    wrong: list[str] = []
    seen: dict[tuple[str, str], dict[str, int]] = {}
    for route in guarded_routes():
        if not route.permission("get"):
            continue
        for which, address, _ in addresses(route, own, foreign):
            want = expected(
                acting(user), route, "get", which, sees_all=user.is_administrator or user.is_auditor
            )
            response = client.get(address)
            got = family(response.status_code)
            if response.streaming:
                b"".join(response.streaming_content)  # read to its end it closes its file, and nothing else
            if got != want and not (route.name in LEADS_BACK and response.status_code == 302):
                wrong.append(f"{name} GET {address} ({which}, {route.address}): {got}, not {want}")
            seen.setdefault((route.shape, which), {})["api" if route.is_api else "page"] = got
    disagree = [
        f"{shape} ({which}): {doors}"
        for (shape, which), doors in seen.items()
        if len(set(doors.values())) > 1
    ]
    assert not wrong, "\n".join(wrong)
    assert not disagree, "\n".join(disagree)


@pytest.mark.parametrize("name", PEOPLE)
def test_promise_14_a_foreign_object_answers_byte_by_byte_like_one_that_does_not_exist(
    name: str, cast: dict[str, Any], world: Any, acting: Any
) -> None:
    """Every method, every address with an object in it. Bodies are empty: who may not see it never learns more."""
    own, foreign = world(name)
    user = cast[name]
    if user.is_administrator or user.is_auditor:
        pytest.skip("they may see every project")
    leaks: list[str] = []
    for route in guarded_routes():
        tried = {which: (address, words) for which, address, words in addresses(route, own, foreign)}
        if "foreign" not in tried:
            continue
        for method, _ in route.permissions:
            answers = {}
            for which in ("foreign", "unknown"):
                address, words = tried[which]
                # A session of its own: else a message that one answer leaves behind would show in the next.
                send = getattr(door_of(user), method)
                response = (
                    send(address)
                    if method == "get"
                    else send(address, data={}, content_type="application/json")
                )
                headers = tuple(response.headers.get(name) for name in ("Content-Type", "HX-Redirect"))
                answers[which] = (response.status_code, headers, calm(response, *words))
            if answers["foreign"] != answers["unknown"] or answers["foreign"][0] < 300:
                leaks.append(f"{name} {method.upper()} {route.address}: {difference(*answers.values())}")
    assert not leaks, "\n".join(leaks)


@pytest.mark.parametrize("name", PEOPLE)
def test_promise_13_a_verb_that_the_role_lacks_is_forbidden(
    name: str, cast: dict[str, Any], world: Any, acting: Any
) -> None:
    own, foreign = world(name)
    client, actor = door_of(cast[name]), acting(cast[name])
    wrong: list[str] = []
    for route in guarded_routes():
        for which, address, _ in addresses(route, own, foreign):
            for method, permission in route.permissions:
                if method in ("get", "head") or policy.can(actor, permission):
                    continue
                response: HttpResponse = getattr(client, method)(
                    address, data={}, content_type="application/json"
                )
                if response.status_code != 403:
                    wrong.append(
                        f"{name} {method.upper()} {address} ({which}): {response.status_code}, not 403"
                    )
    assert not wrong, "\n".join(wrong)


def test_promise_13_who_views_as_a_role_changes_nothing_at_any_address(
    cast: dict[str, Any], world: Any
) -> None:
    """Every method that is not a look, with a body or without, at the things of the previewed project."""
    own, foreign = world("previewer")
    client = door_of(cast["previewer"])
    earlier = set(AuditEvent.objects.values_list("id", flat=True))
    for route in guarded_routes():
        for which, address, _ in addresses(route, own, foreign):
            for method, permission in route.permissions:
                if which == "own" and method not in ("get", "head") and permission not in PREVIEW_PERMITTED:
                    getattr(client, method)(address, data={}, content_type="application/json")
    done = AuditEvent.objects.filter(outcome="success").exclude(operation="read").exclude(id__in=earlier)
    assert [(event.action, event.object_label) for event in done] == []


def test_promise_13_nobody_gets_anything_without_signing_in(owner: Any, world: Any) -> None:
    own, foreign = world("owner")
    client = Client(raise_request_exception=False, headers=TUS)
    wrong: list[str] = []
    for route in guarded_routes():
        for which, address, _ in addresses(route, own, foreign):
            for method, _ in route.permissions:
                response = getattr(client, method)(address)
                if route.is_api and response.status_code not in (401, 429):
                    wrong.append(f"{method.upper()} {address} ({which}): {response.status_code}, not 401")
                if not route.is_api and not (
                    response.status_code == 302 and response.headers["Location"].startswith("/sign-in/")
                ):
                    wrong.append(
                        f"{method.upper()} {address} ({which}): {response.status_code}, not a way to sign in"
                    )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scope", TokenScope.values)
def test_promise_13_a_token_does_no_more_than_its_scope(scope: str, owner: Any, world: Any, api: Any) -> None:
    own, foreign = world("owner")
    client = api(owner, scopes=[scope])
    wrong: list[str] = []
    for route in guarded_routes():
        if not route.is_api:
            continue
        for which, address, _ in addresses(route, own, foreign):
            for method, permission in route.permissions:
                if permission in SCOPE_PERMISSIONS[scope]:
                    continue
                response = getattr(client, method)(address, headers=TUS)
                if response.status_code != 403:
                    wrong.append(
                        f"{scope}: {method.upper()} {address} ({which}): {response.status_code}, not 403"
                    )
    assert not wrong, "\n".join(wrong)


def test_the_matrix_walks_pages_and_api() -> None:
    """The walk itself: were the resolver read wrongly, everything above would pass without looking."""
    routes = guarded_routes()
    assert sum(route.is_api for route in routes) >= 8
    assert sum(not route.is_api for route in routes) >= 20
    assert any(route.kwargs for route in routes if route.is_api)

"""deployhub artifact replay: made again, and said how alike the two are."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.jobs.models import Job
from tests.conversion.conftest import FakeEngine

pytestmark = pytest.mark.django_db(transaction=True)


class ReplayEngine(FakeEngine):
    outcome = "equal_bytes"

    def run(self, **how: Any) -> dict[str, Any]:
        if how["spec"]["kind"] == "replay":
            return {"replay": {"outcome": self.outcome, "detail": "So it was found."}}
        return super().run(**how)


@pytest.fixture
def engine(work_while_waiting: Any, catalogue: Any) -> ReplayEngine:
    fake = ReplayEngine()
    work_while_waiting(fake)
    return fake


def test_the_command_says_equal_bytes_and_fails_when_the_two_differ(
    as_user: Any, engineer: Any, version: Any, engine: ReplayEngine
) -> None:
    run = as_user(engineer)
    made = run("export", str(version.pk), "--format", "onnx", "--wait", "--json").document["artifact"]["id"]
    done = run("artifact", "replay", made)
    assert done.code == 0, done.err
    assert "equal bytes: So it was found." in done.out
    engine.outcome = "different"
    again = run("artifact", "replay", made)
    assert again.code == 1
    assert "different" in again.err


def test_the_command_may_leave_without_waiting(
    as_user: Any, engineer: Any, version: Any, engine: ReplayEngine
) -> None:
    run = as_user(engineer)
    made = run("export", str(version.pk), "--format", "onnx", "--wait", "--json").document["artifact"]["id"]
    assert run("artifact", "replay", made, "--no-wait").code == 0
    assert Job.objects.get(kind="artifact_replay").state == "queued"


def test_what_is_no_id_is_said_before_anything_is_asked(as_user: Any, engineer: Any) -> None:
    assert as_user(engineer)("artifact", "replay", "shapes").code == 2

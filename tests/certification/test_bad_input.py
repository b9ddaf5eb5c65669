"""What makes no sense is told, at the field that it stands in, and nothing is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.registry.models import CertificateBudget, CertificateOverride

pytestmark = pytest.mark.django_db


def test_an_artifact_that_does_not_exist_is_told(catalogue: Any, browser: Any, engineer: Any) -> None:
    body = {"artifact": "00000000-0000-7000-8000-000000000000"}
    answered = browser(engineer).post("/api/v1/certificates/", body, content_type="application/json")
    assert (answered.status_code, answered.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("value", ['"much"', "NaN", "-1", "[]", "1e400"])
def test_a_limit_that_is_none_is_told_and_not_kept(
    project: Any, catalogue: Any, browser: Any, owner: Any, value: str
) -> None:
    body = f'{{"precision": "fp32", "values": {{"relative_error": {value}}}}}'
    answered = browser(owner).put(
        f"/api/v1/projects/{project.pk}/budgets/", body, content_type="application/json"
    )
    assert answered.status_code == 400
    assert answered["Content-Type"].startswith("application/problem+json")
    assert not CertificateBudget.objects.exists()


@pytest.mark.parametrize("reason", ["x" * 501, "a reason with a \x00 in it", "    ", 7])
def test_a_reason_that_cannot_be_kept_is_told(
    artifact: Any, cleared: Any, browser: Any, engineer: Any, reason: Any
) -> None:
    cleared(artifact.version, artifact=artifact, outcome="failed")
    body = {"artifact": str(artifact.pk), "reason": reason}
    answered = browser(engineer).post("/api/v1/overrides/", body, content_type="application/json")
    assert (answered.status_code, list(answered.json()["errors"])) == (400, ["reason"])
    assert not CertificateOverride.objects.exists()

"""What people see of certificates."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deployhub.registry.models import CertificateOverride

pytestmark = pytest.mark.django_db
REASON = "The plant waits for it, and the loss is on one rare class."


def page(client: Any, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return str(response.content.decode())


def test_the_artifacts_page_says_that_there_is_no_certificate_and_offers_to_make_one(
    artifact: Any, browser: Any, engineer: Any, viewer: Any
) -> None:
    address = f"/artifacts/{artifact.pk}/"
    seen = page(browser(engineer), address)
    assert "No certificate yet." in seen
    assert f"{address}certify/" in seen
    assert f"{address}certify/" not in page(browser(viewer), address), "a viewer may look, not ask"


def test_asking_on_the_page_leads_to_the_job(
    artifact: Any, evaluation_set: Any, browser: Any, engineer: Any
) -> None:
    client = browser(engineer)
    assert "Shapes" in page(client, f"/artifacts/{artifact.pk}/certify/")
    answered = client.post(f"/artifacts/{artifact.pk}/certify/", {"dataset": str(evaluation_set.pk)})
    assert re.fullmatch(r"/jobs/[0-9a-f-]+/", answered["Location"])


def test_a_failed_certificate_says_which_line_and_by_how_much(
    artifact: Any, certify: Any, engine: Any, browser: Any, viewer: Any
) -> None:
    engine.result["lines"][0]["value"] = 0.25
    certificate = certify(artifact)
    seen = page(browser(viewer), f"/certificates/{certificate.pk}/")
    assert "It does not equal its source" in seen
    assert "output0, relative error: 0.25, at most 0.001 is allowed" in seen
    assert "deployhub verify shapes-v1-onnx-fp32.onnx" in seen
    assert certificate.public_key in seen


def test_side_by_side_marks_what_one_side_alone_sees(
    artifact: Any, certify: Any, browser: Any, viewer: Any
) -> None:
    certificate = certify(artifact)
    client = browser(viewer)
    seen = page(client, f"/certificates/{certificate.pk}/pictures/")
    assert seen.count('class="compare-box is-alone"') == 1
    assert "25 % apart" in seen
    picture = client.get(f"/certificates/{certificate.pk}/pictures/0/")
    assert (picture["Content-Type"], b"".join(picture.streaming_content)) == ("image/jpeg", b"jpeg bytes")
    assert client.get(f"/certificates/{certificate.pk}/pictures/1/").status_code == 404


def test_the_signed_file_comes_as_it_was_signed(
    artifact: Any, certify: Any, browser: Any, viewer: Any
) -> None:
    certificate = certify(artifact)
    answered = browser(viewer).get(f"/certificates/{certificate.pk}/download/")
    assert b"".join(answered.streaming_content).decode() == certificate.bundle
    assert "shapes-v1-onnx-fp32.onnx.intoto.jsonl" in answered["Content-Disposition"]


def test_an_override_goes_from_the_engineer_to_the_release_manager_on_the_page(
    artifact: Any, cleared: Any, browser: Any, engineer: Any, release_manager: Any
) -> None:
    cleared(artifact.version, artifact=artifact, outcome="failed")
    address = f"/artifacts/{artifact.pk}/"
    mine, other = browser(engineer), browser(release_manager)
    assert "Ask for an override" in page(mine, address)
    mine.post(f"{address}override/", {"reason": REASON})
    override = CertificateOverride.objects.get()
    assert "Withdraw" in page(mine, address)
    assert "Give the override" in page(other, address)
    other.post(f"/overrides/{override.pk}/approve/", {"reason": "Agreed for the pilot only."})
    seen = page(other, address)
    assert "Goes on without a passed certificate" in seen
    assert "Agreed for the pilot only." in seen
    other.post(f"{address}approve/")
    assert "Approved" in page(mine, address)


def test_a_short_reason_is_told_and_nothing_is_asked(
    artifact: Any, cleared: Any, browser: Any, engineer: Any
) -> None:
    cleared(artifact.version, artifact=artifact, outcome="failed")
    answered = browser(engineer).post(f"/artifacts/{artifact.pk}/override/", {"reason": "now"}, follow=True)
    assert "Say why." in answered.content.decode()
    assert not CertificateOverride.objects.exists()


def test_the_budgets_tab_is_lit_and_keeps_what_was_typed(
    project: Any, catalogue: Any, browser: Any, owner: Any, viewer: Any
) -> None:
    client = browser(owner)
    address = f"/projects/{project.slug}/budgets/"
    assert re.search(rf'href="{address}" aria-current="page"', page(client, address))
    wrong = client.post(address, {"precision": "fp32", "values.relative_error": "7"})
    assert wrong.status_code == 422
    assert "Enter a number from 0 to 1." in wrong.content.decode()
    assert 'value="7"' in wrong.content.decode()
    client.post(address, {"precision": "fp32", "values.relative_error": "0.2"})
    assert 'value="0.2"' in page(client, address)
    assert "Save FP32" not in page(browser(viewer), address)


def test_the_api_gives_the_same(
    artifact: Any, certify: Any, browser: Any, viewer: Any, engineer: Any, project: Any
) -> None:
    certificate = certify(artifact)
    client = browser(viewer)
    told = client.get(f"/api/v1/certificates/{certificate.pk}/").json()
    assert (told["outcome"], told["number"], told["lines"][0]["holds"]) == ("passed", 1, True)
    assert (
        client.get(f"/api/v1/certificates/?artifact={artifact.pk}").json()["results"][0]["id"] == told["id"]
    )
    assert client.get("/api/v1/certificate-keys/").json() == [
        {"key_id": certificate.key_id, "public_key": certificate.public_key}
    ]
    refused = client.post(
        "/api/v1/certificates/", {"artifact": str(artifact.pk)}, content_type="application/json"
    )
    assert refused.status_code == 403
    budgets = client.get(f"/api/v1/projects/{project.pk}/budgets/").json()
    assert [row["precision"] for row in budgets] == ["fp32", "fp16", "int8"]

"""Pages of the registry: each opens for those who may, and a stranger cannot tell them from nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from deployhub.registry.models import ModelVersion, RegisteredModel
from tests.registry.conftest import checkpoint_bytes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(
    owner: Any,
    engineer: Any,
    project: Any,
    version_of: Any,
    accepted: Any,
    dataset_of: Any,
    acting: Any,
    cleared: Any,
) -> dict[str, Any]:
    """A project with one of everything."""
    from deployhub.registry.services.models import alias_set

    version = accepted(version_of(engineer, project, model_name="Signs"))
    cleared(version)
    alias_set(actor=acting(owner), model=version.model, name="champion", version=version)
    return {
        "slug": project.slug, "model": version.model, "version": version, "dataset": dataset_of(engineer, project),
    }  # fmt: skip


def page_addresses(house: dict[str, Any]) -> list[str]:
    slug, model, version, dataset = house["slug"], house["model"].pk, house["version"].pk, house["dataset"].pk
    return [
        f"/projects/{slug}/", f"/projects/{slug}/?tab=history", f"/projects/{slug}/members/", f"/projects/{slug}/settings/",
        f"/models/{model}/", f"/models/{model}/?tab=history", f"/models/{model}/edit/",
        f"/versions/{version}/", f"/versions/{version}/?tab=history", f"/versions/{version}/?tab=artifacts",
        f"/versions/{version}/download/", f"/datasets/{dataset}/", f"/datasets/{dataset}/?tab=history",
        f"/datasets/{dataset}/download/",
    ]  # fmt: skip


LISTS = [
    "/projects/",
    "/models/",
    "/versions/",
    "/datasets/",
    "/uploads/new/",
    "/datasets/new/",
    "/models/new/",
]


def test_every_page_opens_for_an_owner(browser, owner, house):
    client = browser(owner)
    for address in [*LISTS, *page_addresses(house)]:
        assert client.get(address).status_code == 200, address


def test_a_version_page_tells_what_the_inspection_found(browser, viewer, house):
    page = browser(viewer).get(f"/versions/{house['version'].pk}/").content.decode()
    for words in (
        "YOLOv8n",
        "3.01 M",
        "circle",
        "torch._utils._rebuild_tensor_v2",
        house["version"].blob.sha256,
        "champion",
    ):
        assert words in page


def test_a_version_under_inspection_asks_again_until_it_is_done(
    browser, engineer, project, version_of, inspected
):
    version = version_of(engineer, project)
    client = browser(engineer)
    assert "Being inspected" in client.get(f"/versions/{version.pk}/").content.decode()
    assert client.get(f"/versions/{version.pk}/live/").status_code == 200
    inspected(version)
    assert client.get(f"/versions/{version.pk}/live/").headers["HX-Refresh"] == "true"


def test_an_engineer_uploads_a_file_with_the_form_alone(browser, engineer, project):
    sent = browser(engineer).post(
        "/uploads/new/",
        {"file": SimpleUploadedFile("best.pt", checkpoint_bytes()), "model_name": "Signs", "notes": "first"},
    )
    assert sent.status_code == 302, sent.content.decode()[-3000:]
    version = ModelVersion.objects.get()
    assert (version.model.name, version.number, version.notes) == ("Signs", 1, "first")


def test_the_form_points_to_the_version_that_has_the_same_file(browser, engineer, project, version_of):
    content = checkpoint_bytes()
    version = version_of(engineer, project, content=content)
    sent = browser(engineer).post(
        "/uploads/new/", {"file": SimpleUploadedFile("again.pt", content), "model": str(version.model_id)}
    )
    assert sent.status_code == 409
    assert f"/versions/{version.pk}/" in sent.content.decode()
    assert ModelVersion.objects.count() == 1


def test_a_refused_file_leaves_no_model_behind(browser, engineer, project):
    sent = browser(engineer).post(
        "/uploads/new/", {"file": SimpleUploadedFile("best.pt", b"hello, I am text"), "model_name": "Signs"}
    )
    assert sent.status_code == 422
    assert "not a PyTorch checkpoint: it looks like plain text" in sent.content.decode()
    assert not RegisteredModel.objects.exists()


def test_the_lists_follow_the_project_switcher(
    browser, administrator, engineer, project, stranger, foreign_project, version_of
):
    version_of(engineer, project, model_name="Here")
    version_of(stranger, foreign_project, model_name="There")
    client = browser(administrator)
    assert "There" in client.get("/versions/").content.decode()
    assert "There" not in client.get("/versions/?project=shapes").content.decode()
    assert "There" not in client.get("/versions/").content.decode()


def test_promise_14_a_stranger_gets_byte_equal_404s_at_every_page(browser, stranger, house):
    client = browser(stranger)

    def face(address: str) -> bytes:
        answer = client.get(address, HTTP_X_REQUEST_ID="the-same-request")
        assert answer.status_code == 404, address
        return re.sub(rb'csrf-token" content="[^"]+"', b"", answer.content)  # masked anew in every answer

    from deployhub.kernel.ids import new_id

    for address in page_addresses(house):
        nothing = address
        for known in (house["model"].pk, house["version"].pk, house["dataset"].pk):
            nothing = nothing.replace(str(known), str(new_id()))
        nothing = nothing.replace("/projects/shapes/", "/projects/nowhere/")
        assert nothing != address
        assert face(address) == face(nothing), address
    page = "".join(client.get(a).content.decode() for a in LISTS[:4])
    assert "Signs" not in page
    assert "shapes" not in page

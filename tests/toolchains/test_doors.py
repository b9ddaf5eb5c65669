"""Toolchains on pages and in the API: what everybody sees, and what only an administrator asks for."""

from __future__ import annotations

from typing import Any

import pytest

from deployhub.jobs.models import Job
from deployhub.toolchains.models import Toolchain

pytestmark = pytest.mark.django_db
NCNN = "ncnn-8.4.190"


def test_a_viewer_sees_every_toolchain_its_state_and_what_is_missing(
    client: Any, viewer: Any, catalogue: Any
) -> None:
    client.force_login(viewer)
    page = client.get("/toolchains/").content.decode()
    assert "ncnn and pnnx" in page
    assert "Builds on first use" in page
    assert "edgetpu_compiler, which is not on PyPI" in page
    told = client.get("/api/v1/toolchains/").json()
    by_name = {entry["name"]: entry for entry in told}
    assert by_name[NCNN]["state"] == "declared"
    assert by_name["edgetpu-8.4.190"]["state"] == "needs"
    assert "edgetpu_compiler" in by_name["edgetpu-8.4.190"]["missing"]
    assert by_name["main-8.4.190"]["state"] == "ready"


def test_a_toolchain_that_nobody_declared_is_not_found(client: Any, viewer: Any, catalogue: Any) -> None:
    client.force_login(viewer)
    assert client.get("/toolchains/nothing-1/").status_code == 404
    assert client.get("/api/v1/toolchains/nothing-1/").status_code == 404


@pytest.mark.parametrize("verb", ["build", "rebuild", "remove"])
def test_an_engineer_cannot_ask_for_work_on_a_toolchain(
    client: Any, engineer: Any, catalogue: Any, ready: Any, verb: str
) -> None:
    client.force_login(engineer)
    assert client.post(f"/toolchains/{NCNN}/{verb}/").status_code == 403
    assert client.post(f"/api/v1/toolchains/{NCNN}/{verb}/").status_code == 403
    assert not Job.objects.exists()


def test_an_administrator_builds_and_a_second_request_waits_for_the_first(
    client: Any, administrator: Any, catalogue: Any
) -> None:
    client.force_login(administrator)
    answer = client.post(f"/api/v1/toolchains/{NCNN}/build/")
    assert answer.status_code == 202, answer.content
    job = Job.objects.get()
    assert answer["Location"].endswith(f"{job.pk}/")
    assert (job.kind, job.project, job.spec["name"], job.spec["anew"]) == (
        "toolchain_build",
        None,
        NCNN,
        False,
    )
    again = client.post(f"/api/v1/toolchains/{NCNN}/rebuild/")
    assert again.status_code == 409
    assert "worked on already" in again.json()["detail"]
    shown = client.post(f"/toolchains/{NCNN}/build/", follow=True).content.decode()
    assert "worked on already" in shown


def test_what_a_vendor_keeps_for_itself_is_refused_with_what_is_missing(
    client: Any, administrator: Any, catalogue: Any
) -> None:
    client.force_login(administrator)
    refused = client.post("/api/v1/toolchains/hailo-8.4.190/build/")
    assert refused.status_code == 409
    assert "hailo_dataflow_compiler" in refused.json()["hint"]


def test_only_what_stands_is_removed(client: Any, administrator: Any, catalogue: Any, ready: Any) -> None:
    client.force_login(administrator)
    assert client.post("/api/v1/toolchains/mnn-8.4.190/remove/").status_code == 409
    assert client.post(f"/api/v1/toolchains/{NCNN}/remove/").status_code == 202


def test_the_page_of_a_toolchain_shows_lock_versions_and_last_smoke_test(
    client: Any, viewer: Any, catalogue: Any, ready: Toolchain
) -> None:
    client.force_login(viewer)
    page = client.get(f"/toolchains/{NCNN}/").content.decode()
    for said in (ready.lock_sha256[:8], "1.0.20261020", "exported and run in 7.5 s", "BSD-3-Clause"):
        assert said in page, said


def test_a_build_whose_worker_died_is_not_building_for_ever(
    client: Any, viewer: Any, catalogue: Any, ready: Toolchain
) -> None:
    from deployhub.audit.scope import system_scope

    with system_scope("a worker dies"):
        Toolchain.objects.update(state="building", job=None)
    client.force_login(viewer)
    assert client.get(f"/api/v1/toolchains/{NCNN}/").json()["state"] == "failed"


def test_the_formats_page_says_what_builds_on_first_use_and_what_stands(
    client: Any, viewer: Any, catalogue: Any, ready: Any
) -> None:
    client.force_login(viewer)
    page = client.get("/formats/").content.decode()
    assert "Builds on first use" in page
    assert "Not available here" in page
    assert page.count("Ready") >= 4

"""The first hour of a newcomer, from the one-time password to an ONNX that runs, in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.standalone.conftest import ROOT, Installation

pytestmark = [pytest.mark.journey, pytest.mark.engine, pytest.mark.processes]

WEIGHTS = ROOT / "deployhub" / "engine" / "demo" / "shapes-yolov8n.pt"
OWN_PASSWORD = "a harbour with eleven lanterns"
LONG_MS = 120_000


def first_password(place: Installation) -> str:
    found = re.search(r"[Pp]assword:?\s+(\S+)", place.said)
    assert found, place.said
    return found[1].strip("│| ")


def sign_in(page: Any, place: Installation, password: str) -> None:
    page.goto(f"{place.address}/sign-in/")
    page.get_by_label("Name", exact=False).first.fill("admin")
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()


def own_password_set(page: Any) -> None:
    for name in ("new_password", "again"):
        page.locator(f"input[name={name}]").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("Dashboard").first.wait_for()


def picture(page: Any, name: str) -> None:
    """Keep a screenshot where DEPLOYHUB_PICTURES names a folder: the README's pictures are made so."""
    folder = os.environ.get("DEPLOYHUB_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_newcomer_loads_the_demo_exports_it_and_runs_what_came_out(
    installation: Callable[..., Installation], page: Any, complaints: list[str], tmp_path: Path
) -> None:
    place = installation()
    place.wait_ready()
    sign_in(page, place, first_password(place))

    # The one-time password is good for one thing: to set the own one.
    page.wait_for_url("**/account/password/**")
    page.goto(f"{place.address}/models/")
    page.wait_for_url("**/account/password/**")
    own_password_set(page)

    page.goto(place.address)
    page.get_by_role("button", name="Load the demo project").click()
    page.wait_for_url("**/projects/demo-shapes/**")

    # The inspection runs in a worker; the page follows it without being loaded again.
    page.goto(f"{place.address}/versions/")
    page.get_by_role("link", name="Shapes detector v1").click()
    page.get_by_text("Accepted").first.wait_for(timeout=LONG_MS)
    page.reload()
    for fact in ("YOLOv8n", "circle", "3.01 M"):
        page.get_by_text(fact).first.wait_for()
    picture(page, "version")

    page.get_by_role("link", name="Export").first.click()
    page.locator("input[name=format][value=onnx]").check(force=True)
    page.locator("input[name=image_size_px], [name$=image_size_px]").first.fill("160")
    picture(page, "export")
    page.locator("main form button[type=submit]").last.click()

    page.wait_for_url("**/jobs/**")
    page.get_by_text("Succeeded").first.wait_for(timeout=LONG_MS)
    picture(page, "job")

    page.goto(f"{place.address}/artifacts/")
    page.locator("main a.row-link").first.click()
    page.get_by_text("Verified").first.wait_for()
    picture(page, "artifact")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download").first.click()
    path = tmp_path / "model.onnx"
    coming.value.save_as(path)
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answer = session.run(None, {"images": numpy.zeros((1, 3, 160, 160), dtype=numpy.float32)})
    assert answer[0].shape[:2] == (1, 8)

    # Everything stands in the log.
    page.goto(f"{place.address}/audit/")
    said = page.locator("main").inner_text()
    for action in ("artifact.download", "artifact.create", "export.create"):
        assert action in said
    picture(page, "audit")
    page.goto(place.address)
    page.get_by_text("Verified artifacts").wait_for()
    picture(page, "dashboard")
    assert complaints == []


def test_an_engineer_uploads_a_model_and_a_malicious_one_is_refused_by_name(
    installation: Callable[..., Installation], page: Any, complaints: list[str], tmp_path: Path
) -> None:
    from tests.hostile.corpus import call_by_name, torch_archive

    place = installation()
    place.wait_ready()
    sign_in(page, place, first_password(place))
    page.wait_for_url("**/account/password/**")
    own_password_set(page)
    page.goto(f"{place.address}/projects/new/")
    page.locator("input[name=name]").fill("Harbour")
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/projects/harbour/**")

    evil = tmp_path / "gift.pt"
    evil.write_bytes(torch_archive(call_by_name("os", "system", "touch /tmp/journey-was-here")))
    for path, name, outcome in ((WEIGHTS, "Shapes", "Accepted"), (evil, "Gift", "Refused")):
        page.goto(f"{place.address}/uploads/new/?project=harbour")
        page.set_input_files("input[type=file]", str(path))
        page.locator("input[name=model_name]").fill(name)
        page.get_by_role("button", name="Upload").last.click()
        page.wait_for_url("**/versions/**", timeout=LONG_MS)
        page.get_by_text(outcome).first.wait_for(timeout=LONG_MS)
    assert "os.system" in page.locator("main").inner_text()
    picture(page, "refused")
    assert not Path("/tmp/journey-was-here").exists()
    assert complaints == []

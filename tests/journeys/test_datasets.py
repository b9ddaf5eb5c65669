"""Datasets in a real browser: the demo set is checked and looked at, a bad one is refused and says why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PIL")

from tests.engine.datasets.packed import dataset, packed
from tests.journeys.test_first_hour import LONG_MS, first_password, own_password_set, sign_in
from tests.standalone.conftest import Installation

pytestmark = [pytest.mark.journey, pytest.mark.engine, pytest.mark.processes]


def pictures(page: Any, name: str) -> None:
    """The screen on a desk and on a phone, light and dark, where DEPLOYHUB_PICTURES names a folder."""
    folder = os.environ.get("DEPLOYHUB_PICTURES")
    if not folder:
        return
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in ((1280, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_an_engineer_looks_at_a_checked_dataset_and_learns_what_is_wrong_with_another(
    installation: Callable[..., Installation], page: Any, complaints: list[str], tmp_path: Path
) -> None:
    place = installation()
    place.wait_ready()
    sign_in(page, place, first_password(place))
    page.wait_for_url("**/account/password/**")
    own_password_set(page)
    page.goto(place.address)
    page.get_by_role("button", name="Load the demo project").click()
    page.wait_for_url("**/projects/demo-shapes/**")

    page.goto(f"{place.address}/datasets/")
    page.locator("a.row-link").first.click()
    page.get_by_text("Accepted").first.wait_for(timeout=LONG_MS)
    page.get_by_text("data.yaml gives the same images to several splits").wait_for(timeout=LONG_MS)
    pictures(page, "dataset-report")

    page.get_by_role("link", name="Statistics").click()
    page.get_by_text("Reference profile").wait_for()
    page.locator("[data-chart-mounted] canvas").first.wait_for()
    pictures(page, "dataset-statistics")

    page.get_by_role("link", name="Images").first.click()
    shown = page.locator(".dataset-tile")
    assert shown.count() == 48
    page.locator("select[name=class]").select_option(label="star")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**class=3**")
    assert 0 < shown.count() < 48
    assert shown.first.locator("rect").count() > 0
    pictures(page, "dataset-images")
    shown.first.click()
    page.get_by_role("link", name="Next").wait_for()
    pictures(page, "dataset-image")

    bad = dataset(["0 0.5 0.5 0.2 0.2\n", "5 0.5 0.5 0.2 0.2\n0 30 40 5 5\n", None])
    bad["images/val/003.jpg"] = b"\xff\xd8\xff cut off"
    page.goto(f"{place.address}/datasets/new/")
    page.locator("input[type=file]").set_input_files(str(packed(tmp_path / "shelves.zip", bad)))
    page.locator("input[name=name]").fill("Shelves")
    page.get_by_role("button", name="Upload", exact=True).last.click()
    page.wait_for_url("**/dataset-versions/**")
    page.get_by_text("This version was refused").wait_for(timeout=LONG_MS)
    for words in ("labels/val/001.txt:1", "labels/val/001.txt:2", "images/val/003.jpg"):
        page.get_by_text(words).first.wait_for()
    pictures(page, "dataset-refused")
    page.goto(f"{place.address}/datasets/")
    pictures(page, "datasets")
    assert complaints == []

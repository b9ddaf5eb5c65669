"""A real browser before a real installation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.standalone.conftest import installation  # noqa: F401 - a fixture

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A Chromium of this machine; the journeys skip, and say why, where there is none."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("DEPLOYHUB_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip(
            os.environ.get("DEPLOYHUB_NO_CHROMIUM", "no Chromium on this machine; make test installs one")
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained of; a journey ends by asserting that it is empty."""
    return []


@pytest.fixture
def page(chromium: Any, complaints: list[str]) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    shown = context.new_page()
    shown.set_default_timeout(30_000)
    shown.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    yield shown
    context.close()

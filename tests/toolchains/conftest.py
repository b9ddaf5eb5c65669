"""A catalogue with its toolchains, and one that stands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conversion.conftest import (  # noqa: F401 - the same people ask for exports here
    catalogue,
    catalogue_content,
    engine,
    export,
    make_version,
    version,
)


@pytest.fixture
def ready(db: None) -> Any:
    """The ncnn toolchain stands on the worker's machine."""
    from deployhub.audit.scope import system_scope
    from deployhub.toolchains.models import Toolchain

    with system_scope("a worker made it"):
        return Toolchain.objects.create(
            name="ncnn-8.4.190", key="ncnn", release="8.4.190", host="north", state="ready", lock_sha256="ab" * 32,
            lock_text="ncnn==1.0.20261020", versions={"ncnn": "1.0.20261020"}, python_version="3.11.7",
            size_bytes=6_000_000_000, built_at=datetime(2026, 11, 1, tzinfo=UTC),
            smoke={"exports": [{"format": "ncnn", "ran": True, "seconds": 7.5, "note": ""}]},
        )  # fmt: skip

"""Words of toolchains."""

from __future__ import annotations

from django.db import models

BUILD_JOB_KIND = "toolchain_build"
REMOVE_JOB_KIND = "toolchain_remove"
TOOLCHAIN_QUEUE = "cpu"
PREPARING = "Preparing the toolchain"


class ToolchainState(models.TextChoices):
    BUILDING = "building", "Building"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    MISSING = "missing", "Missing"

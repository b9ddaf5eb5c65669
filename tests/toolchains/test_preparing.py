"""An export makes the toolchain that it needs, once, and says on the artifact which one it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.toolchains import declared as declarations
from deployhub.engine.toolchains.declared import Release
from deployhub.jobs.models import Job, WorkerNode
from deployhub.jobs.runner import job_run
from deployhub.kernel.errors import InvalidInput
from deployhub.registry.models import Artifact
from deployhub.toolchains import preparing
from deployhub.toolchains.models import Toolchain
from tests.engine.toolchains.conftest import PYTHONS, wheel_write

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Toolchains from two wheels of the test's own; the smoke test is the engine's business."""
    wheels = tmp_path / "wheels"
    wheel_write(wheels, "hammer", "1.0")
    settings.DEPLOYHUB_WHEELS = str(wheels)
    settings.DEPLOYHUB_TOOLCHAINS_ROOT = tmp_path / "toolchains"
    real = declarations.toolchain_declared

    def lighter(key: str, *, release: str = "") -> Any:
        found = real(key, release=release)
        if found.is_main or not found.builds:
            return found
        return dataclasses.replace(
            found,
            release=Release(found.release.version, ("hammer==1.0",)),
            requirements=(),
            python=PYTHONS,
            machines=(),
        )

    monkeypatch.setattr("deployhub.toolchains.preparing.toolchain_declared", lighter)
    monkeypatch.setattr(
        preparing,
        "smoke_in_sandbox",
        lambda declared, **how: lambda python: {"python": "3.11.7", "exports": []},
    )
    return wheels


@pytest.fixture
def interpreters(engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The interpreters in which the engine was run."""
    seen: list[Any] = []
    plain = engine.run

    def run(*, python: Any = None, environment: Any = None, **more: Any) -> Any:
        seen.append(python)
        return plain(**more)

    monkeypatch.setattr(engine, "run", run)
    monkeypatch.setattr(type(engine), "files", {"model_ncnn_model/model.ncnn.param": b"graph"}, raising=False)
    engine.files = {"model_ncnn_model/model.ncnn.param": b"graph"}
    return seen


def test_the_first_export_makes_the_toolchain_and_the_second_takes_it(
    make_version: Any, export: Any, interpreters: list[Any], small: Path
) -> None:
    first = export(make_version(), "ncnn")
    assert job_run(job_id=first.export.job_id, worker_name="north") == "succeeded"
    phases = [phase.name for phase in Job.objects.get().phases.all()]
    assert phases[:3] == [
        "Preparing the toolchain: resolving versions",
        "Preparing the toolchain: downloading packages",
        "Preparing the toolchain: installing",
    ]
    row = Toolchain.objects.get()
    assert (row.state, row.versions) == ("ready", {"hammer": "1.0"})
    artifact = Artifact.objects.get()
    assert artifact.toolchain["lock_sha256"] == row.lock_sha256
    assert artifact.inputs == {"source": artifact.version.blob.sha256}

    second = export(make_version(), "ncnn")
    assert job_run(job_id=second.export.job_id, worker_name="north") == "succeeded"
    again = [phase.name for phase in Job.objects.get(pk=second.export.job_id).phases.all()]
    assert again[0] == "Preparing the toolchain"
    assert Toolchain.objects.count() == 1
    assert interpreters[0] == interpreters[1]
    assert interpreters[0].is_relative_to(small.parent / "toolchains")


def test_a_format_of_the_engine_runs_in_the_engines_own_interpreter(
    version: Any, export: Any, interpreters: list[Any], engine: Any, small: Path
) -> None:
    engine.files = {"model.onnx": b"onnx"}
    asked = export(version, "onnx")
    assert job_run(job_id=asked.export.job_id, worker_name="north") == "succeeded"
    assert interpreters == [None]
    assert not Toolchain.objects.exists()


def test_an_export_without_its_wheels_fails_with_the_reason_and_the_page_of_the_toolchain_too(
    version: Any, export: Any, interpreters: list[Any], small: Path
) -> None:
    next(small.glob("hammer*")).unlink()
    asked = export(version, "ncnn")
    assert job_run(job_id=asked.export.job_id, worker_name="north") == "failed"
    job = Job.objects.get()
    assert job.error_code == "toolchain_failed"
    assert "hammer" in job.error_detail
    assert Toolchain.objects.get().state == "failed"
    assert interpreters == []


def test_a_format_that_needs_a_vendors_tools_is_refused_until_a_worker_announces_them(
    version: Any, export: Any
) -> None:
    with pytest.raises(InvalidInput) as refused:
        export(version, "ascend", precision="fp16")
    assert "atc" in str(refused.value.errors)
    WorkerNode.objects.create(name="south", host="south", pid=1, queues=["cpu", "toolchain:ascend"])
    asked = export(version, "ascend", precision="fp16")
    assert asked.export.job.queue == "toolchain:ascend"
    assert export(version, "onnx").export.job.queue == "cpu"


def test_a_format_that_needs_calibration_images_is_refused_without_a_dataset(
    version: Any, export: Any
) -> None:
    with pytest.raises(InvalidInput) as refused:
        export(version, "qnn")
    assert "calibration" in refused.value.errors


def test_a_removed_toolchain_is_missing_and_its_list_is_kept(
    make_version: Any, export: Any, interpreters: list[Any], small: Path, administrator: Any, acting: Any
) -> None:
    from deployhub.toolchains import selectors, services

    asked = export(make_version(), "ncnn")
    job_run(job_id=asked.export.job_id, worker_name="north")
    actor = acting(administrator)
    face = selectors.toolchain_get(actor, "ncnn-8.4.190")
    job = services.toolchain_remove(actor=actor, face=face)
    assert job_run(job_id=job.pk, worker_name="north") == "succeeded", Job.objects.get(pk=job.pk).error_detail
    row = Toolchain.objects.get()
    assert row.state == "missing"
    assert "hammer==1.0" in row.lock_text
    assert not list((small.parent / "toolchains").glob("ncnn-*"))


def test_a_worker_that_starts_notices_an_environment_that_is_gone(
    make_version: Any, export: Any, interpreters: list[Any], small: Path
) -> None:
    import shutil

    from deployhub.toolchains.handlers import _on_worker_ready

    asked = export(make_version(), "ncnn")
    job_run(job_id=asked.export.job_id, worker_name="north")
    _on_worker_ready()
    assert Toolchain.objects.get().state == "ready"
    shutil.rmtree(small.parent / "toolchains")
    _on_worker_ready()
    assert Toolchain.objects.get().state == "missing"
    again = export(make_version(), "ncnn")
    assert job_run(job_id=again.export.job_id, worker_name="north") == "succeeded"
    assert Toolchain.objects.get().state == "ready"

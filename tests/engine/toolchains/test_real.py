"""Each toolchain as it is declared: made from the package index, tried in the sandbox, and used for a real export."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployhub.engine.client import EngineClient
from deployhub.engine.spec import Limits
from deployhub.engine.toolchains.declared import toolchain_declared
from deployhub.engine.toolchains.making import toolchain_ensure
from deployhub.engine.toolchains.trial import smoke_in_sandbox

pytestmark = [pytest.mark.slow, pytest.mark.engine]
DEMO = Path(__file__).parents[3] / "deployhub" / "engine" / "demo"
FORMATS = [
    ("ncnn", "ncnn", {"precision": "fp16"}, "verified"),
    ("mnn", "mnn", {"precision": "int8w"}, "verified"),
    ("executorch", "executorch", {}, "verified"),
    ("litert", "litert", {}, "verified"),
    ("litert", "litert", {"precision": "int8w"}, "verified"),
    ("coreml", "coreml", {}, "exported"),
    ("qnn", "qnn", {}, "exported"),
    ("paddle", "paddle", {}, "verified"),
    ("tensorflow", "saved_model", {}, "verified"),
    ("tensorflow", "pb", {}, "verified"),
]
NOT_HERE = {"coreml": "CoreML runs on macOS only", "qnn": "Qualcomm Hexagon"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Toolchains of this run; packages come from uv's own cache where it has them."""
    folder = tmp_path_factory.mktemp("toolchains")
    # A program that a job starts, such as pnnx, is read as another user when this test is root.
    for above in (folder, *folder.parents):
        if not above.stat().st_mode & stat.S_IXOTH:
            above.chmod(above.stat().st_mode | stat.S_IXOTH)
    kept = os.environ.get("UV_CACHE_DIR")
    os.environ["UV_CACHE_DIR"] = kept or str(Path.home() / ".cache" / "uv")
    yield folder
    if kept is None:
        del os.environ["UV_CACHE_DIR"]
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    client = EngineClient(warm=False)
    yield client
    client.close()


def _work(root: Path, format: str, options: dict[str, Any]) -> Path:
    return root / "-".join(["work", format, *options.values()])


def _export(
    client: EngineClient, work: Path, format: str, python: Path, environment: Any, **options: Any
) -> Any:
    (work / "in").mkdir(parents=True)
    shutil.copy(DEMO / "shapes-yolov8n.pt", work / "in" / "source.pt")
    shutil.copy(DEMO / "shapes-calibration.zip", work / "in" / "calibration.zip")
    for path in (work / "in").iterdir():
        path.chmod(0o444)
    spec = {
        "kind": "export", "source": "in/source.pt", "calibration": "in/calibration.zip", "format": format,
        "options": {"image_size_px": 160, **options}, "seed": 0,
    }  # fmt: skip
    return client.run(
        workdir=work, spec=spec, limits=Limits(), on_event=lambda event: None, should_stop=lambda: False,
        python=python, environment=environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "format", "options", "proof"),
    FORMATS,
    ids=["-".join([entry[1], *entry[2].values()]) for entry in FORMATS],
)
def test_a_format_is_exported_in_its_own_toolchain_and_proven_as_far_as_this_machine_can(
    root: Path,
    client: EngineClient,
    tmp_path: Path,
    key: str,
    format: str,
    options: dict[str, Any],
    proof: str,
) -> None:
    declared = toolchain_declared(key)
    if missing := declared.missing():
        pytest.skip(" ".join(missing))
    built = toolchain_ensure(
        declared,
        root=root,
        smoke=smoke_in_sandbox(
            declared,
            client=client,
            work_root=root / ".work",
            emit=lambda event: None,
            should_stop=lambda: False,
        ),
        emit=lambda event: None,
    )
    assert {export["format"] for export in built.smoke["exports"]} == set(declared.formats)
    result = _export(
        client, _work(root, format, options), format, built.python, declared.environment, **options
    )
    assert result["proof"] == proof, result["proof_reason"]
    assert NOT_HERE.get(format, "") in result["proof_reason"]
    if proof == "verified":
        assert result["comparison"]["passed"]
    assert result["toolchain"]["ultralytics"] == declared.release.version
    said = " ".join(file["path"] for file in result["files"])
    assert ".py" not in said.replace(".pyc", ""), "no script with paths of this machine is handed out"

"""Promise 4: the safe loader can't silently degrade; and what loads must be a usable model.

Each case runs in the real engine, in the sandbox: this process never loads a checkpoint.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhub.engine.client import EngineClient, EngineFailed
from deployhub.engine.spec import GIB, Limits
from tests.hostile import corpus

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[3]
DEMO = ROOT / "deployhub" / "engine" / "demo" / "shapes-yolov8n.pt"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
}

# Written by a separate process, so that torch is never imported here.
MAKER = """
import sys, torch
from pathlib import Path
from ultralytics import YOLO
from ultralytics.nn.tasks import DetectionModel
folder = Path(sys.argv[1])
def save(name, change):
    model = YOLO(sys.argv[2]).model
    change(model)
    torch.save({"model": model.half(), "train_args": {}, "version": "8", "date": ""}, folder / name)
def poison(model):
    with torch.no_grad():
        next(iter(model.parameters()))[0] = float("nan")
save("nan.pt", poison)
save("activation.pt", lambda m: m.yaml.update(activation="__import__('os').system('true')"))
save("absurd.pt", lambda m: m.yaml.update(backbone=[[-1, 1, "Conv", [40_000_000, 3, 2]]]))
def nameless(model):
    model.names = {}
save("nameless.pt", nameless)
torch.save({"model": {"weights": torch.zeros(3)}}, folder / "dictionary.pt")
torch.save(torch.nn.Linear(3, 3), folder / "layer.pt")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    environment = {**ENVIRONMENT, "YOLO_CONFIG_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", MAKER, str(folder), str(DEMO)], env=environment, check=True)
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineClient]:
    client = EngineClient(work_root=tmp_path_factory.mktemp("jobs"))
    yield client
    client.close()


def inspect(client: EngineClient, source: Path) -> dict:
    import uuid

    assert client._work_root is not None
    workdir = client._work_root / uuid.uuid4().hex
    (workdir / "in").mkdir(parents=True)
    shutil.copy(source, workdir / "in" / source.name)
    return client.run(
        workdir=workdir,
        spec={"kind": "inspect", "source": f"in/{source.name}"},
        limits=Limits(memory_bytes=3 * GIB, wall_seconds=120),
        on_event=lambda event: None,
        should_stop=lambda: False,
    )


REFUSALS = {
    "nan.pt": ("invalid_weights", "NaN"),
    "activation.pt": ("malicious_model", "activation"),
    "absurd.pt": ("invalid_model", "absurd"),
    "nameless.pt": ("invalid_model", "no classes"),
    "dictionary.pt": ("not_a_yolo_model", "no YOLO model"),
    "layer.pt": ("not_a_yolo_model", "no YOLO model"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_checkpoint_that_is_no_usable_model_is_refused_with_its_reason(
    client: EngineClient, files: Path, name: str
) -> None:
    code, words = REFUSALS[name]
    with pytest.raises(EngineFailed) as refused:
        inspect(client, files / name)
    assert refused.value.code == code, refused.value.detail
    assert words in refused.value.detail


def test_promise_01_an_attack_is_named_and_the_next_model_is_inspected(
    client: EngineClient, tmp_path: Path
) -> None:
    evil = tmp_path / "evil.pt"
    evil.write_bytes(corpus.torch_archive(corpus.call_by_name("os", "system", "id")))
    with pytest.raises(EngineFailed) as refused:
        inspect(client, evil)
    assert refused.value.code == "malicious_model"
    assert "os.system" in refused.value.detail
    found = inspect(client, DEMO)
    assert (found["task"], found["scan"]["verdict"]) == ("detect", "accepted")


DEGRADED = {
    "unsupported": "tasks._SafeLoad.SUPPORTED = False",
    "old torch": "torch.__version__ = '2.9.1'",
    "switch off": "import os; del os.environ['ULTRALYTICS_SAFE_LOAD']",
}


@pytest.mark.parametrize("how", DEGRADED)
def test_promise_04_a_loader_that_is_not_safe_refuses_to_load(tmp_path: Path, how: str) -> None:
    evil = corpus.torch_archive(corpus.call_by_name("os", "system", f"touch {tmp_path}/marker"))
    (tmp_path / "evil.pt").write_bytes(evil)
    code = f"""
import torch
from ultralytics.nn import tasks
from pathlib import Path
from deployhub.engine.intake import loader_require_safe, pt_load
from deployhub.engine.intake import loading
loader_require_safe()
{DEGRADED[how]}
loading.inspect_file = lambda path: None  # as if the inspection had been fooled
for path in ({str(DEMO)!r}, {str(tmp_path / "evil.pt")!r}):
    try:
        pt_load(Path(path))
    except loading.EngineError as refused:
        print(refused.code)
"""
    environment = {
        **ENVIRONMENT,
        "YOLO_CONFIG_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "ULTRALYTICS_SAFE_LOAD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["unsafe_loader", "unsafe_loader"]
    assert not (tmp_path / "marker").exists()


def test_promise_04_without_the_switch_from_the_start_nothing_loads(tmp_path: Path) -> None:
    code = (
        "from deployhub.engine.intake import loader_require_safe\n"
        "from deployhub.engine.spec import EngineError\n"
        "try:\n    loader_require_safe()\nexcept EngineError as refused:\n    print(refused.code)\n"
    )
    environment = {**ENVIRONMENT, "YOLO_CONFIG_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "unsafe_loader"


FAMILIES = """
import sys, torch
from pathlib import Path
from ultralytics import YOLO
from deployhub.engine.intake import inspect_file
path = Path(sys.argv[1]) / "model.pt"
for family in ("yolov8n", "yolo11n", "yolo26n"):
    for task in ("", "-seg", "-cls", "-pose", "-obb"):
        model = YOLO(f"{family}{task}.yaml").model
        torch.save({"model": model.half(), "ema": None, "train_args": {}, "version": "8"}, path)
        print(family + task, inspect_file(path)["verdict"])
"""


@pytest.mark.slow
def test_every_family_and_task_is_accepted_by_the_inspection(tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "YOLO_CONFIG_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FAMILIES, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    accepted = [line for line in done.stdout.splitlines() if line.endswith("accepted")]
    assert len(accepted) == 15

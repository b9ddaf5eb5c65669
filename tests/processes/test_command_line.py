"""The `deployhub` command as a pipeline uses it: a model goes in, a verified artifact comes out."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.processes.cluster import MODEL, ROOT, Cluster

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]


def test_push_export_and_pull_with_a_real_worker(cluster: Cluster, tmp_path: Path):
    cluster.workers_only("north")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "DEPLOYHUB_URL": cluster.address,
        "DEPLOYHUB_TOKEN": cluster.api.headers["Authorization"].removeprefix("Bearer "),
    }

    def deployhub(*words: str, code: int = 0) -> Any:
        command = [sys.executable, "-m", "deployhub.client.main", *words, "--json"]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}\n{cluster.logs()}"
        return json.loads(done.stdout)

    assert deployhub("whoami")["username"] == "owner"
    pushed = deployhub("push", str(MODEL), "-p", "shapes", "-m", "Walk", "--create", "--wait")
    version = pushed["version"]
    assert (version["state"], version["task"]) == ("accepted", "detect")
    assert version["sha256"] == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert deployhub("push", str(MODEL), "-p", "shapes", "-m", "Walk")["created"] is False

    words = ("export", "shapes/walk@1", "--format", "onnx", "--option", "image_size_px=96")
    exported = deployhub(*words, "--wait")
    artifact = exported["artifact"]
    assert artifact["proof"] == "verified"
    assert exported["job"]["state"] == "succeeded"
    assert deployhub(*words)["artifact"]["id"] == artifact["id"]

    pulled = deployhub("pull", artifact["id"], "-o", "out/model.onnx")
    content = (tmp_path / pulled["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == artifact["files"][0]["sha256"]

    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 96, 96]

    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("evil/data.pkl", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.")
        archive.writestr("evil/version", b"3\n")
    refused = deployhub("push", "evil.pt", "-p", "shapes", "-m", "Evil", "--create", "--wait", code=1)
    assert "system" in refused["error"]["detail"]

    folder = deployhub(
        "export", "shapes/walk", "--format", "openvino", "--option", "image_size_px=96", "--pull", "out"
    )
    assert {file["path"] for file in folder["artifact"]["files"]} == {
        str(path.relative_to(tmp_path / folder["path"]))
        for path in (tmp_path / folder["path"]).rglob("*")
        if path.is_file()
    }

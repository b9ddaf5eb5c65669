"""From POST to a verified artifact, against `yolo export` on the command line for the same file and options.

Ours runs in a whole installation (`make run`'s supervisor: web, worker, broker) and holds more work: the file is
stored by its digest, opened in its runtime, compared with its source and timed. `yolo export` is a cold process, as
people start it. Each pair has an opset of its own, so that nothing is answered from an earlier run.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.table import ROOT, Row, median, row_print
from tests.servers import port_free
from tests.standalone.conftest import Installation

WEIGHTS = ROOT / "deployhub" / "engine" / "demo" / "shapes-yolov8n.pt"
OPSETS = (13, 14, 15, 16, 17)
IMAGE_SIZE_PX = 160
AIM, REPEAT_AIM = 0.7, 0.02

TOKEN_MAKE = """
import secrets
from datetime import timedelta
from deployhub.access.vocab import TokenScope
from deployhub.accounts.models import ApiToken, User
from deployhub.accounts.sealing import token_digest
from deployhub.audit.scope import system_scope
from deployhub.kernel.clock import utc_now
text = "dh_pat_" + secrets.token_urlsafe(32)
with system_scope("benchmark"):
    user = User.objects.get(username="admin")
    user.must_change_password = False
    user.save()
    ApiToken.objects.create(user=user, label="bench", digest=token_digest(text), scopes=list(TokenScope.values),
                            expires_at=utc_now() + timedelta(1))
print("TOKEN " + text)
"""


def _token(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", TOKEN_MAKE], cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "DEPLOYHUB_HOME": str(home)},
    )  # fmt: skip
    return done.stdout.split("TOKEN ")[1].strip()


def _job_wait(client: httpx.Client, address: str) -> dict[str, object]:
    while True:
        job = client.get(address).json()
        if job["state"] not in ("queued", "running"):
            assert job["state"] == "succeeded", job
            return dict(job)
        time.sleep(0.02)


def _version_make(client: httpx.Client) -> str:
    client.post("/api/v1/projects/", json={"name": "Bench"}).raise_for_status()
    content = WEIGHTS.read_bytes()
    words = ((b"filename", WEIGHTS.name.encode()), (b"project", b"bench"))
    begun = client.post(
        "/api/v1/uploads/",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(content)),
            "Upload-Metadata": ",".join(f"{k.decode()} {base64.b64encode(v).decode()}" for k, v in words),
        },
    )
    begun.raise_for_status()
    client.patch(
        begun.headers["Location"],
        content=content,
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    ).raise_for_status()
    upload = begun.headers["Location"].rstrip("/").rsplit("/", 1)[-1]
    made = client.post("/api/v1/versions/", json={"upload": upload, "model_name": "Shapes"})
    made.raise_for_status()
    _job_wait(client, made.headers["Location"])
    return str(made.json()["version"]["id"])


def _ours(client: httpx.Client, version: str, opset: int) -> tuple[float, float]:
    """Seconds to the artifact, and seconds of the same request once more."""
    body = {
        "version": version,
        "format": "onnx",
        "options": {"image_size_px": IMAGE_SIZE_PX, "opset": opset, "simplify": True},
    }
    started = time.perf_counter()
    asked = client.post("/api/v1/exports/", json=body)
    assert asked.status_code == 202, asked.text
    _job_wait(client, asked.headers["Location"])
    first_s = time.perf_counter() - started
    started = time.perf_counter()
    again = client.post("/api/v1/exports/", json=body)
    assert again.status_code == 200, again.text
    return first_s, time.perf_counter() - started


def _theirs(opset: int) -> float:
    """Seconds of `yolo export` in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="deployhub-yolo-") as folder:
        shutil.copy(WEIGHTS, folder)
        environment = {
            **os.environ, "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "false", "YOLO_CONFIG_DIR": folder,
            "ULTRALYTICS_SAFE_LOAD": "1",
        }  # fmt: skip
        yolo = Path(sys.executable).with_name("yolo")
        started = time.perf_counter()
        subprocess.run(
            [yolo, "export", f"model={WEIGHTS.name}", "format=onnx", f"imgsz={IMAGE_SIZE_PX}", f"opset={opset}", "simplify=True"],
            cwd=folder, env=environment, check=True, capture_output=True,
        )  # fmt: skip
        return time.perf_counter() - started


def main() -> None:
    ours, repeated, theirs = [], [], []
    with tempfile.TemporaryDirectory(prefix="dh-bench-", ignore_cleanup_errors=True) as folder:
        place = Installation(Path(folder) / "home", port_free(), DEPLOYHUB_API_RATE="1000000/min")
        try:
            place.wait_ready()
            client = httpx.Client(
                base_url=place.address, headers={"Authorization": f"Bearer {_token(place.home)}"}, timeout=60
            )
            version = _version_make(client)
            _ours(client, version, 12)
            for opset in OPSETS:
                first_s, again_s = _ours(client, version, opset)
                ours.append(first_s)
                repeated.append(again_s)
                theirs.append(_theirs(opset))
        finally:
            place.end()
    wall, peer, again = median(ours), median(theirs), median(repeated)
    row_print(
        Row("Export to ONNX, POST to verified artifact", f"{wall:.2f} s", f"{peer:.2f} s, `yolo export` cold, unverified",
            wall / peer, f"at most {AIM}", wall / peer <= AIM)
    )  # fmt: skip
    row_print(
        Row("The same export asked for again", f"{again * 1000:.0f} ms", f"{wall:.2f} s the first time",
            again / wall, f"at most {REPEAT_AIM}", again / wall <= REPEAT_AIM)
    )  # fmt: skip


if __name__ == "__main__":
    main()

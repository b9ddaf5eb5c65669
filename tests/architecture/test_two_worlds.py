"""The web world never touches the libraries that open models; the engine world never touches Django."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT

HEAVY = ("torch", "torchvision", "ultralytics", "onnx", "onnxruntime", "openvino", "numpy", "cv2", "PIL")

LOAD_THE_WEB = f"""
import sys
import deployhub.config.asgi
import deployhub.config.celery
from django.apps import apps
from django.urls import get_resolver
from django.utils.module_loading import autodiscover_modules

autodiscover_modules("handlers", "tasks", "node", "api", "views", "services")
deployhub.config.celery.app.loader.import_default_modules()

def walk(resolver):
    for pattern in resolver.url_patterns:
        walk(pattern) if hasattr(pattern, "url_patterns") else pattern.callback

walk(get_resolver())
from django.test import Client
status = Client().get("/healthz").status_code
assert status in (200, 400), status
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
print("loaded:", *loaded)
sys.exit(1 if loaded else 0)
"""


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**kept, "DEPLOYHUB_HOME": str(home), "DJANGO_SETTINGS_MODULE": "deployhub.config.settings"}


def test_promise_02_the_web_process_loads_no_library_that_opens_models(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD_THE_WEB],
        cwd=ROOT,
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promise_02_the_check_would_notice(tmp_path: Path) -> None:
    """The same program, with one forbidden import put before it, must fail."""
    fake = tmp_path / "numpy.py"
    fake.write_text("")
    environment = {**_environment(tmp_path), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "import numpy\n" + LOAD_THE_WEB],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "loaded: numpy" in done.stdout


def test_the_engine_the_client_and_the_supervisor_start_without_django() -> None:
    program = (
        "import sys, deployhub.engine.client, deployhub.engine.catalogue, deployhub.standalone.supervisor\n"
        "import importlib.util\n"
        "if importlib.util.find_spec('deployhub.client.main'): import deployhub.client.main\n"
        "sys.exit(bool({'django', 'rest_framework', 'celery'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

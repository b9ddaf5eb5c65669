"""docker-compose.yml and the Dockerfile, checked where no container engine runs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
OURS = ("setup", "web", "worker", "beat")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_compose_file_satisfies_the_compose_specification():
    checked = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_specification_check_notices_a_wrong_compose_file(tmp_path: Path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(
        (ROOT / "docker-compose.yml").read_text().replace("stop_grace_period: 60s", "stop_grace: 60s")
    )
    checked = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", wrong], capture_output=True
    )
    assert checked.returncode == 1


def test_the_dockerfile_passes_hadolint():
    checked = subprocess.run(
        [BIN / "hadolint", ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_service_runs_as_root_or_writes_to_its_own_image(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        if name != "proxy":  # Caddy binds 80 and 443, the one capability that it keeps
            assert not service["user"].startswith("0"), name
            assert "cap_add" not in service, name
    stages = (ROOT / "deploy" / "Dockerfile").read_text().split("\nFROM ")
    for stage in ("base AS web\n", "base AS worker\n"):
        text = next(text for text in stages if text.startswith(stage))
        assert "\nUSER 10001:10001\n" in text
        assert "\nHEALTHCHECK " in text


def test_every_lasting_service_has_a_health_check_and_a_pinned_image(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        assert service["healthcheck"].get("disable") is (True if name == "setup" else None), name
        tag = service["image"].rpartition(":")[2]
        assert tag != "latest", name
        assert any(digit in tag for digit in "0123456789"), name


def test_secrets_come_by_file_and_never_by_environment(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in ("SECRET", "PASSWORD", "DATABASE_URL", "REDIS_URL")):
                assert variable.endswith("_FILE"), (name, variable)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, variable)
    assert set().union(*(service.get("secrets", []) for service in compose["services"].values())) == set(
        compose["secrets"]
    )


def test_only_the_proxy_is_reachable_from_outside(compose: dict[str, Any]):
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert compose["networks"]["back"]["internal"] is True
    assert compose["services"]["worker"]["networks"] == ["back"]
    forwarded = next(
        word for word in compose["services"]["web"]["command"] if word.startswith("--forwarded-allow-ips=")
    )
    assert forwarded.partition("=")[2] == compose["services"]["proxy"]["networks"]["front"]["ipv4_address"]


def test_the_broker_keeps_its_queue_over_a_restart(compose: dict[str, Any]):
    command = compose["services"]["valkey"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert "valkey:/data" in compose["services"]["valkey"]["volumes"]


def test_the_web_image_holds_no_engine():
    names = {
        line.split("==")[0]
        for line in (ROOT / "requirements" / "web.txt").read_text().splitlines()
        if "==" in line and line[0] not in " #"
    }
    assert not names & {"torch", "torchvision", "onnx", "onnxruntime", "ultralytics", "numpy", "openvino"}


@pytest.mark.parametrize("name", ["web", "engine", "dev"])
def test_every_locked_package_carries_hashes_and_opencv_needs_no_screen(name: str):
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    for number, line in enumerate(lines):
        if "==" in line and line[0] not in " #":
            assert lines[number + 1].strip().startswith("--hash=sha256:"), line
    installed = [line for line in lines if line.startswith("opencv-python==") and "'never'" not in line]
    assert installed == []


def test_made_secrets_fit_together_and_are_kept(tmp_path: Path):
    script = tmp_path / "secrets-make.sh"
    script.write_text((ROOT / "deploy" / "secrets-make.sh").read_text())
    subprocess.run(["sh", script], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made["postgres_password"].strip() in made["database_url"]
    password = made["redis_url"].split("deployhub:")[1].split("@")[0]
    assert f">{password} " in made["valkey_acl"]
    assert len(password) == 64
    assert isinstance(load_pem_private_key(made["audit_key"].encode(), None), Ed25519PrivateKey)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    subprocess.run(["sh", script], check=True, capture_output=True)
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

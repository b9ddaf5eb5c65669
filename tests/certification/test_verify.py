"""`deployhub verify`: a file against its signed certificate, without any server."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from deployhub.certification.signing import certificate_key, public_key_hex
from deployhub.client.main import main

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivered(artifact: Any, certify: Any, tmp_path: Path) -> tuple[Path, str]:
    """The artifact as it was downloaded, its certificate beside it, and the key."""
    path = tmp_path / "shapes.onnx"
    path.write_bytes(b"onnx bytes")
    path.with_name("shapes.onnx.intoto.jsonl").write_text(certify(artifact).bundle)
    return path, public_key_hex(certificate_key())[1]


def test_the_file_that_was_certified_is_verified(delivered: Any, capsys: Any) -> None:
    path, key = delivered
    assert main(["verify", str(path), "--key", key]) == 0
    said = capsys.readouterr().out
    assert "shapes.onnx: passed" in said
    assert "map50_95" in said


def test_a_trusted_key_may_stand_in_the_environment(delivered: Any, monkeypatch: Any) -> None:
    path, key = delivered
    monkeypatch.setenv("DEPLOYHUB_CERTIFICATE_KEYS", f"{'0' * 64} {key}")
    assert main(["verify", str(path)]) == 0


def test_a_changed_byte_is_refused(delivered: Any, capsys: Any) -> None:
    path, key = delivered
    path.write_bytes(b"onnx Bytes")
    assert main(["verify", str(path), "--key", key]) == 1
    assert "its SHA-256 differs" in capsys.readouterr().err


def test_another_key_is_refused(delivered: Any, capsys: Any) -> None:
    path, _ = delivered
    assert main(["verify", str(path), "--key", "0" * 64]) == 1
    assert "another key signed it" in capsys.readouterr().err


def test_without_a_key_nothing_is_believed(delivered: Any, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("DEPLOYHUB_CERTIFICATE_KEYS", raising=False)
    path, _ = delivered
    assert main(["verify", str(path)]) == 2
    assert "No key is trusted yet." in capsys.readouterr().err


def test_a_certificate_that_failed_is_no_leave_to_deploy(
    artifact: Any, certify: Any, engine: Any, tmp_path: Path, capsys: Any
) -> None:
    engine.result["outcome"] = "failed"
    path = tmp_path / "shapes.onnx"
    path.write_bytes(b"onnx bytes")
    bundle = tmp_path / "told.jsonl"
    bundle.write_text(certify(artifact).bundle)
    arguments = [
        "verify",
        str(path),
        "--certificate",
        str(bundle),
        "--key",
        public_key_hex(certificate_key())[1],
    ]
    assert main(arguments) == 1
    assert "its certificate did not pass" in capsys.readouterr().err
    assert main([*arguments, "--any-outcome"]) == 0


def test_a_folder_and_the_zip_of_it_are_verified_file_by_file(
    artifact: Any, certify: Any, tmp_path: Path
) -> None:
    import io

    from deployhub.audit.scope import system_scope
    from deployhub.registry.models import ArtifactFile
    from deployhub.registry.storage import blob_store

    contents = {"model_openvino_model/model.xml": b"graph", "model_openvino_model/model.bin": b"weights"}
    with system_scope("a folder"):
        artifact.files.all().delete()
        for path, content in contents.items():
            ArtifactFile.objects.create(
                project=artifact.project, artifact=artifact, path=path, blob=blob_store(io.BytesIO(content))
            )
    bundle = tmp_path / "told.jsonl"
    bundle.write_text(certify(artifact).bundle)
    key = public_key_hex(certificate_key())[1]
    folder = tmp_path / "unpacked"
    (folder / "model_openvino_model").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for path, content in contents.items():
            (folder / path).write_bytes(content)
            archive.writestr(path, content)
    rest = ["--certificate", str(bundle), "--key", key]
    assert main(["verify", str(folder), *rest]) == 0
    assert main(["verify", str(folder / "model_openvino_model"), *rest]) == 0
    assert main(["verify", str(tmp_path / "model.zip"), *rest]) == 0
    (folder / "model_openvino_model" / "more.bin").write_bytes(b"unasked")
    assert main(["verify", str(folder), *rest]) == 1


@pytest.mark.parametrize(
    "text", ["", "no json", "{}", '{"payloadType": "text/plain", "payload": "", "signatures": []}']
)
def test_what_is_no_certificate_is_told(delivered: Any, tmp_path: Path, text: str) -> None:
    path, key = delivered
    odd = tmp_path / "odd.jsonl"
    odd.write_text(text)
    assert main(["verify", str(path), "--certificate", str(odd), "--key", key]) == 1

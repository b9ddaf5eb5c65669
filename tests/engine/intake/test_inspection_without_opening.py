"""Nothing in a file is executed; what is refused is named. Promises 1, 5 and 6 at the intake."""

from __future__ import annotations

import os
import stat
import sys
import time
import zipfile
from pathlib import Path

import pytest

from deployhub.engine.intake import inspect_file
from deployhub.engine.spec import EngineError
from tests.hostile import corpus

DEMO = Path(__file__).parents[3] / "deployhub" / "engine" / "demo" / "shapes-yolov8n.pt"


def refusal(tmp_path: Path, content: bytes, name: str = "model.pt") -> EngineError:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(EngineError) as refused:
        inspect_file(path)
    assert refused.value.detail.endswith(".")
    assert refused.value.hint
    return refused.value


def test_our_own_model_is_accepted_and_its_names_are_listed() -> None:
    found = inspect_file(DEMO)
    assert (found["kind"], found["verdict"]) == ("pt", "accepted")
    assert "ultralytics.nn.tasks.DetectionModel" in found["globals"]


@pytest.mark.parametrize(("module", "name"), corpus.GADGETS, ids=lambda value: value)
@pytest.mark.parametrize("shape", ["global", "stack", "bare"])
def test_promise_01_a_gadget_is_refused_by_name(tmp_path: Path, module: str, name: str, shape: str) -> None:
    marker = tmp_path / "marker"
    command = f"touch {marker}"
    build = corpus.call_by_stack if shape == "stack" else corpus.call_by_name
    content = build(module, name, command)
    error = refusal(tmp_path, content if shape == "bare" else corpus.torch_archive(content))
    spelled = {"posix": "os", "nt": "os", "__builtin__": "builtins"}.get(module, module)
    assert error.code == "malicious_model"
    assert error.detail == (
        f"This file tries to call {spelled}.{name} when it is opened. It was refused and never loaded."
    )
    assert not marker.exists()


def test_promise_01_a_payload_before_a_broken_end_is_still_named(tmp_path: Path) -> None:
    content = corpus.call_by_name("os", "system", "id")[:-1] + b"\xff\xff"
    assert refusal(tmp_path, corpus.torch_archive(content)).code == "malicious_model"


def test_a_layer_that_is_built_instead_of_restored_is_refused(tmp_path: Path) -> None:
    bomb = b"\x80\x02ctorch.nn.modules.linear\nLinear\nM\x40\x9cM\x40\x9c\x86R."
    error = refusal(tmp_path, corpus.torch_archive(bomb))
    assert error.code == "malicious_model"
    assert "build a new Linear" in error.detail
    opens = corpus.call_by_name("ultralytics.nn.tasks", "DetectionModel", "/etc/passwd")
    assert refusal(tmp_path, corpus.torch_archive(opens)).code == "malicious_model"


def test_promise_05_a_zip_bomb_is_refused_at_once(tmp_path: Path) -> None:
    bomb = corpus.zip_bomb()
    started = time.monotonic()
    assert refusal(tmp_path, bomb).code == "archive_refused"
    assert time.monotonic() - started < 1


SLIPS = {
    "parent": (("best/../../evil", b"x", 0o100644),),
    "absolute": (("/etc/evil", b"x", 0o100644),),
    "backslash": (("best\\..\\evil", b"x", 0o100644),),
    "drive": (("C:/evil", b"x", 0o100644),),
    "symbolic link": (("best/link", b"/etc/passwd", stat.S_IFLNK | 0o777),),
    "device": (("best/null", b"", stat.S_IFCHR | 0o666),),
    "fifo": (("best/fifo", b"", stat.S_IFIFO | 0o666),),
    "duplicate": (("best/data.pkl", b"a", 0), ("best/data.pkl", b"b", 0)),
    "duplicate in other case": (("best/data.pkl", b"a", 0), ("best/DATA.pkl", b"b", 0)),
    "duplicate by dots": (("best/data.pkl", b"a", 0), ("best/./data.pkl", b"b", 0)),
    "long name": (("best/" + "n" * 400, b"x", 0),),
    "control character": (("best/a\x07b", b"x", 0),),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_promise_06_an_archive_that_points_outside_is_refused(tmp_path: Path, slip: str) -> None:
    assert refusal(tmp_path, corpus.zip_of(*SLIPS[slip])).code == "archive_refused"


def test_promise_06_a_link_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pt").symlink_to(DEMO)
    with pytest.raises(EngineError) as refused:
        inspect_file(tmp_path / "model.pt")
    assert refused.value.code == "archive_refused"


def test_damaged_encrypted_and_trailing_archives_are_refused(tmp_path: Path) -> None:
    good = corpus.torch_archive(corpus.benign_pickle(), extra={"best/data/0": b"0123456789abcdef"})
    damaged = good.replace(b"0123456789abcdef", b"0123456789abcdeX")
    assert refusal(tmp_path, damaged).code == "corrupt_file"
    encrypted = bytearray(good)
    encrypted[good.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(tmp_path, bytes(encrypted)).code == "archive_refused"
    assert refusal(tmp_path, good + b"more").code == "archive_refused"
    assert refusal(tmp_path, b"\xff\xd8\xff" + good).code == "unsupported_file"
    stranger = corpus.torch_archive(corpus.benign_pickle(), extra={"best/evil.so": b"\x7fELF"})
    assert refusal(tmp_path, stranger).code == "archive_refused"


def test_a_header_that_disagrees_with_the_table_of_contents_is_refused(tmp_path: Path) -> None:
    good = bytearray(corpus.torch_archive(corpus.benign_pickle()))
    at = good.index(b"best/data.pkl")
    good[at : at + 13] = b"best/fake.pkl"
    assert refusal(tmp_path, bytes(good)).code == "archive_refused"


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_model_is_a_damaged_file(tmp_path: Path, tenth: int) -> None:
    content = DEMO.read_bytes()
    error = refusal(tmp_path, content[: len(content) * tenth // 10])
    assert error.code == "corrupt_file"


OTHERS = {
    "text": (b"hello, this is no model\n" * 10, "a text file"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
    "gzip": (b"\x1f\x8b" + bytes(100), "a gzip archive"),
    "program": (b"\x7fELF" + bytes(100), "a program"),
    "noise": (bytes(range(128, 256)), "not a kind of file"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_first_bytes_decide_and_the_refusal_says_what_it_is(tmp_path: Path, kind: str) -> None:
    content, words = OTHERS[kind]
    error = refusal(tmp_path, content)
    assert error.code == "unsupported_file"
    assert words in error.detail


def test_a_plain_pickle_is_refused_and_an_attack_in_it_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, corpus.benign_pickle()).code == "unsupported_file"
    assert refusal(tmp_path, b"cos\nsystem\n(S'id'\ntR.").code == "malicious_model"
    second = corpus.benign_pickle() + corpus.call_by_name("os", "system", "id")
    assert refusal(tmp_path, second).code == "malicious_model"


def test_a_torchscript_archive_is_told_apart(tmp_path: Path) -> None:
    content = corpus.torch_archive(corpus.benign_pickle(), extra={"best/code/__torch__.py": b""})
    assert refusal(tmp_path, content).code == "not_a_yolo_model"


def test_a_name_that_lies_about_the_kind_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, DEMO.read_bytes(), name="model.onnx")
    assert error.code == "unsupported_file"
    assert ".pt" in error.detail


@pytest.mark.parametrize("location", ["/etc/passwd", "../secret", "a/../../b", "C:\\x", "..\\x"])
def test_promise_06_external_data_outside_is_refused(tmp_path: Path, location: str) -> None:
    error = refusal(tmp_path, corpus.onnx_external(location), name="model.onnx")
    assert error.code == "malicious_model"
    assert location in error.detail


def test_promise_06_external_data_by_a_link_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    (tmp_path / "soft").symlink_to(secret)
    os.link(secret, tmp_path / "hard")
    for name in ("soft", "hard"):
        assert refusal(tmp_path, corpus.onnx_external(name), name="model.onnx").code == "malicious_model"


def test_external_data_beside_the_file_asks_for_one_file(tmp_path: Path) -> None:
    error = refusal(tmp_path, corpus.onnx_external("weights.bin"), name="model.onnx")
    assert error.code == "unsupported_file"
    assert "second file" in error.detail


def test_promise_05_nested_branches_are_refused_at_once(tmp_path: Path) -> None:
    for depth in (20, 400):
        error = refusal(tmp_path, corpus.onnx_nested(depth), name="model.onnx")
        assert error.code == "invalid_model"


def test_custom_operators_are_refused_by_name(tmp_path: Path) -> None:
    error = refusal(tmp_path, corpus.onnx_custom_domain("evil.ops"), name="model.onnx")
    assert error.code == "unsupported_file"
    assert "evil.ops.Evil" in error.detail


def test_the_models_of_onnx_itself_are_accepted() -> None:
    onnx = pytest.importorskip("onnx")
    models = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").rglob("*.onnx"))
    refused = {}
    for model in models:
        try:
            inspect_file(model)
        except EngineError as error:
            refused[model.parent.name] = error.code
    assert len(models) > 100
    # Two training graphs need a preview domain that no runtime here has.
    assert refused == {
        "test_gradient_of_add": "unsupported_file",
        "test_gradient_of_add_and_mul": "unsupported_file",
    }


def test_the_inspection_imports_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys; from pathlib import Path; from deployhub.engine.intake import inspect_file; "
        f"inspect_file(Path({str(DEMO)!r})); "
        "print([name for name in ('torch', 'numpy', 'onnx', 'ultralytics') if name in sys.modules])"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_archive_is_never_extracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile.ZipFile, "extract", None)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", None)
    assert inspect_file(DEMO)["verdict"] == "accepted"

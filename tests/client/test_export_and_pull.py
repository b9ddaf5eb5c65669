"""export and pull: from a version's name to a checked file on this machine."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.conversion.models import Export
from deployhub.engine.client import EngineFailed
from deployhub.jobs.models import Job
from deployhub.registry.models import Artifact
from tests.conversion.conftest import FakeEngine

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER_FILES = {
    "model.xml": b"<net/>",
    "model.bin": b"weights" * 50_000,
    "metadata/names.yaml": b"0: circle\n",
}


@pytest.fixture
def engine(work_while_waiting, catalogue) -> FakeEngine:
    fake = FakeEngine()
    work_while_waiting(fake)
    return fake


@pytest.fixture
def artifact_of(as_user, engineer, version, engine, run):
    """The id of an artifact made by the command itself: `artifact_of({"model.onnx": b"…"})`."""

    def make(files: dict[str, bytes], format_key: str = "onnx") -> str:
        engine.files = files
        done = as_user(engineer)("export", str(version.pk), "--format", format_key, "--wait", "--json")
        assert done.code == 0, done.err
        return done.document["artifact"]["id"]

    return make


@pytest.mark.parametrize(
    "name", ["shapes/shapes-detector", "shapes/shapes-detector@1", "shapes/Shapes detector", "id"]
)
def test_a_version_has_several_names(as_user, engineer, version, catalogue, name):
    name = str(version.pk) if name == "id" else name
    done = as_user(engineer)("export", name, "--format", "onnx", "--json")
    assert done.code == 0, done.err
    assert Export.objects.get().version == version
    assert done.document["artifact"] is None
    assert done.document["job"] == str(Job.objects.get().pk)


def test_an_alias_names_a_version(as_user, owner, acting, make_version, catalogue, cleared):
    from deployhub.registry.services.models import alias_set

    champion, newest = make_version(), make_version()
    cleared(champion)
    alias_set(actor=acting(owner), model=champion.model, name="champion", version=champion)
    run = as_user(owner)
    assert run("export", "shapes/shapes-detector@champion", "-f", "onnx", "--json").document["export"][
        "version"
    ] == str(champion.pk)
    assert run("export", "shapes/shapes-detector", "-f", "onnx", "--json").document["export"][
        "version"
    ] == str(newest.pk)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("shapes/none", 4),
        ("shapes/shapes-detector@9", 4),
        ("shapes/shapes-detector@none", 4),
        ("detector", 2),
        ("a/b@", 2),
    ],
)
def test_a_name_of_nothing_is_told(as_user, engineer, version, catalogue, name, code):
    done = as_user(engineer)("export", name, "--format", "onnx")
    assert done.code == code
    assert len(done.err.strip().splitlines()) == 2


def test_an_export_is_followed_and_its_options_arrive(as_user, engineer, version, engine):
    done = as_user(engineer)(
        "export", str(version.pk), "-f", "onnx", "--option", "image_size_px=64", "--option", "dynamic=true",
        "--precision", "fp16", "--wait", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    artifact = Artifact.objects.get()
    assert done.document["artifact"]["id"] == str(artifact.pk)
    assert done.document["job"]["state"] == "succeeded"
    options = Export.objects.get().options
    assert (options["image_size_px"], options["dynamic"], options["precision"]) == (64, True, "fp16")
    assert "Comparing with the source: done" in done.err


def test_an_identical_export_is_told(as_user, engineer, version, engine):
    run = as_user(engineer)
    words = ("export", str(version.pk), "-f", "onnx", "--json")
    first = run(*words, "--wait")
    again = run(*words)
    assert again.code == 0
    assert again.document["known"] is True
    assert again.document["artifact"]["id"] == first.document["artifact"]["id"]
    assert Job.objects.count() == 1
    assert "made before" in run("export", str(version.pk), "-f", "onnx").err


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--option", "image_size_px=33"), "image_size_px"),
        (("--option", "no_such=1"), "no_such"),
        (("-f", "nothing"), "nothing"),
    ],
)
def test_what_the_catalogue_does_not_offer_is_a_mistake_in_the_command(
    as_user, engineer, version, catalogue, words, field
):
    done = as_user(engineer)("export", str(version.pk), "-f", "onnx", *words)
    assert done.code == 2
    assert field in done.err
    assert not Job.objects.exists()


def test_a_failed_export_ends_with_1_and_its_cause(as_user, engineer, version, engine):
    engine.failure = EngineFailed(
        code="limit_memory", detail="The export needed too much memory.", hint="Choose a smaller image size."
    )
    done = as_user(engineer)("export", str(version.pk), "-f", "onnx", "--wait")
    assert done.code == 1
    assert "too much memory" in done.err
    assert "smaller image size" in done.err


def test_a_cancelled_export_ends_with_6(as_user, engineer, version, engine, acting):
    from deployhub.jobs.services import job_cancel

    engine.before_end = lambda workdir: job_cancel(actor=acting(engineer), job=Job.objects.get())
    done = as_user(engineer)("export", str(version.pk), "-f", "onnx", "--wait", "--json")
    assert done.code == 6
    assert done.document["exit_code"] == 6


def test_ctrl_c_while_waiting_leaves_the_job_and_says_how_to_go_on(
    as_user, engineer, version, catalogue, monkeypatch
):
    from deployhub.client import following

    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following.time, "sleep", ctrl_c)
    done = as_user(engineer)("export", str(version.pk), "-f", "onnx", "--wait")
    assert done.code == 130
    job = Job.objects.get()
    assert job.state == "queued"
    assert job.cancel_requested_at is None
    assert f"deployhub job {job.pk} --follow" in done.err
    assert f"deployhub cancel {job.pk}" in done.err


def test_an_artifact_is_pulled_checked_and_recorded(as_user, engineer, artifact_of, run, tmp_path):
    artifact_id = artifact_of({"model.onnx": b"onnx" * 100_000})
    target = tmp_path / "deep" / "model.onnx"
    done = run("pull", artifact_id, "-o", str(target), "--json")
    assert done.code == 0, done.err
    assert target.read_bytes() == b"onnx" * 100_000
    assert done.document["path"] == str(target)
    assert [path.name for path in target.parent.iterdir()] == ["model.onnx"]
    assert AuditEvent.objects.filter(action="artifact.download", object_id=artifact_id).count() == 1

    again = run("pull", artifact_id, "-o", str(target), "--json")
    assert again.code == 0
    assert again.document["fetched"] is False


def test_a_pull_does_not_replace_another_file_unasked(artifact_of, run, tmp_path):
    artifact_id = artifact_of({"model.onnx": b"onnx bytes"})
    target = tmp_path / "mine.onnx"
    target.write_text("precious")
    assert run("pull", artifact_id, "-o", str(target)).code == 2
    assert target.read_text() == "precious"
    assert run("pull", artifact_id, "-o", str(target), "--force").code == 0
    assert target.read_bytes() == b"onnx bytes"


def test_a_pull_over_a_link_that_breaks_goes_on_where_it_stopped(
    as_user, engineer, artifact_of, run, tmp_path, flaky_link, monkeypatch
):
    content = bytes(range(256)) * 40_000  # 10 MB
    artifact_id = artifact_of({"model.onnx": content})
    monkeypatch.setenv("DEPLOYHUB_URL", flaky_link.url)
    target = tmp_path / "model.onnx"
    flaky_link.break_down_after = [4_000_000]
    stopped = run("pull", artifact_id, "-o", str(target), "--retries", "0")
    assert stopped.code == 5
    assert not target.exists()
    before = flaky_link.down_bytes
    flaky_link.break_down_after = [3_000_000]
    done = run("pull", artifact_id, "-o", str(target))
    assert done.code == 0, done.err
    assert flaky_link.broken == 2
    assert target.read_bytes() == content
    assert flaky_link.down_bytes - before < 7_500_000, "what lay here already was not sent again"
    assert list(tmp_path.glob(".*.part")) == []


def test_bytes_that_were_spoilt_are_not_handed_over(artifact_of, run, tmp_path):
    artifact_id = artifact_of({"model.onnx": b"the true bytes of the model"})
    digest = hashlib.sha256(b"the true bytes of the model").hexdigest()
    (tmp_path / f".model.onnx.{digest[:12]}.part").write_bytes(b"the FALSE")
    done = run("pull", artifact_id, "-o", str(tmp_path / "model.onnx"))
    assert done.code == 1
    assert "sha256" in done.err
    assert not (tmp_path / "model.onnx").exists()
    assert run("pull", artifact_id, "-o", str(tmp_path / "model.onnx")).code == 0


def test_a_folder_is_unpacked_and_each_file_checked(artifact_of, run, tmp_path):
    artifact_id = artifact_of(FOLDER_FILES, "openvino")
    done = run("pull", artifact_id, "-o", f"{tmp_path}/", "--json")
    assert done.code == 0, done.err
    folder = Path(done.document["path"])
    assert {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    } == FOLDER_FILES
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    assert run("pull", artifact_id, "-o", f"{tmp_path}/", "--json").document["fetched"] is False
    (folder / "model.bin").write_bytes(b"changed")
    assert run("pull", artifact_id, "-o", f"{tmp_path}/").code == 2
    assert run("pull", artifact_id, "-o", f"{tmp_path}/", "--force").code == 0
    assert (folder / "model.bin").read_bytes() == FOLDER_FILES["model.bin"]


def test_a_folder_can_stay_a_zip_file(artifact_of, run, tmp_path):
    artifact_id = artifact_of(FOLDER_FILES, "openvino")
    assert run("pull", artifact_id, "-o", str(tmp_path / "model.zip")).code == 0
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FOLDER_FILES


def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path):
    """Whatever a server says: nothing is written beside the target."""
    from deployhub.client.downloading import _unpack, safe_name
    from deployhub.client.failures import CommandFailed

    for number, path in enumerate(("../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:evil")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(path, b"x")
        part = tmp_path / "x.part"
        part.write_bytes(buffer.getvalue())
        file = {"path": path, "size_bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
        with pytest.raises(CommandFailed, match="unsafe path"):
            _unpack(part, tmp_path / f"out{number}", {"files": [file], "file_name": "x.zip"})
        assert not list(tmp_path.rglob("*evil*"))
    assert safe_name("../../.bashrc") == "bashrc"
    assert safe_name("..\\up\x1b.onnx") == "up.onnx"


def test_export_and_pull_in_one_command(as_user, engineer, version, engine, tmp_path):
    done = as_user(engineer)(
        "export", str(version.pk), "-f", "onnx", "--pull", str(tmp_path / "out"), "--json"
    )
    assert done.code == 0, done.err
    assert Path(done.document["path"]) == tmp_path / "out" / "shapes-detector-v1-onnx-fp32.onnx"
    assert Path(done.document["path"]).read_bytes() == b"onnx bytes"


def test_a_viewer_may_not_pull(as_user, viewer, artifact_of, tmp_path):
    artifact_id = artifact_of({"model.onnx": b"onnx bytes"})
    done = as_user(viewer)("pull", artifact_id, "-o", str(tmp_path / "m.onnx"))
    assert done.code == 3
    assert list(tmp_path.glob("m.onnx")) == []


def test_a_stranger_finds_no_artifact(as_user, stranger, artifact_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    artifact_id = artifact_of({"model.onnx": b"onnx bytes"})
    assert as_user(stranger)("pull", artifact_id).code == 4
    assert not list(tmp_path.glob("*.onnx"))


def test_without_a_place_an_artifact_comes_to_the_present_folder(artifact_of, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("pull", artifact_of({"model.onnx": b"onnx bytes"})).code == 0
    assert (tmp_path / "shapes-detector-v1-onnx-fp32.onnx").read_bytes() == b"onnx bytes"

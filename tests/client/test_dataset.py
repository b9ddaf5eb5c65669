"""dataset: a folder becomes a version, is checked, and tells what is wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("PIL")

from deployhub.client.failures import UsageWrong
from deployhub.client.packing import folder_pack
from deployhub.registry.models import DatasetVersion
from tests.engine.datasets.packed import dataset
from tests.registry.test_datasets import EngineHere

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = ("0 0.5 0.5 0.2 0.2\n", "1 0.4 0.4 0.2 0.3\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shelves"
    for name, content in dataset(GOOD).items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return made


def test_an_engineer_pushes_a_folder_and_follows_its_check(
    as_user, engineer, project, folder, work_while_waiting
):
    work_while_waiting(EngineHere())
    run = as_user(engineer)
    done = run("dataset", "push", str(folder), "-p", project.slug, "--json")
    assert done.code == 0, done.err
    assert done.document["created"] is True
    version = done.document["version"]
    assert (version["dataset_name"], version["number"], version["state"]) == ("shelves", 1, "accepted")

    again = run("dataset", "push", str(folder), "-p", project.slug, "--json")
    assert (again.code, again.document["created"]) == (0, False)

    (folder / "labels/val/001.txt").write_text("9 0.5 0.5 0.1 0.1\n")
    worse = run("dataset", "push", str(folder), "-p", project.slug)
    assert worse.code == 1
    assert "shelves v2 was refused" in worse.err
    assert "labels/val/001.txt:1 class 9; 2 are named" in worse.out

    listed = run("dataset", "list", "--json")
    assert listed.document["results"][0]["newest"]["number"] == 2
    shown = run("dataset", "show", f"{project.slug}/shelves@1")
    assert shown.code == 0
    assert "shelves v1: accepted" in shown.out
    assert run("dataset", "show", f"{project.slug}/nothing").code == 4
    assert run("dataset", "push", "-p", project.slug).code == 2


def test_without_waiting_the_command_ends_when_the_file_has_arrived(as_user, engineer, project, folder):
    done = as_user(engineer)("dataset", "push", str(folder), "-p", project.slug, "--no-wait", "--json")
    assert (done.code, done.document["version"]["state"]) == (0, "checking")
    assert DatasetVersion.objects.get().state == "checking"


def test_the_same_files_pack_to_the_same_bytes_in_any_order_and_at_any_time(folder, tmp_path):
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    assert folder_pack(folder, one) == 5
    other = tmp_path / "elsewhere"
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            target = other / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (1, 1))
            target.chmod(0o600)
    (other / ".DS_Store").write_bytes(b"x")
    (other / "labels/val.cache").write_bytes(b"x")
    folder_pack(other, two)
    assert one.read_bytes() == two.read_bytes()


def test_a_link_in_the_folder_is_not_followed(folder, tmp_path):
    (folder / "images/val/passwd.jpg").symlink_to("/etc/passwd")
    with pytest.raises(UsageWrong, match="symbolic link"):
        folder_pack(folder, tmp_path / "one.zip")

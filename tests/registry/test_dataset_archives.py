"""Zips that mean harm, and those that are no datasets: refused at once, with a sentence, at both doors."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from typing import Any

import pytest

from deployhub.kernel.errors import InvalidInput
from deployhub.registry.dataset_archive import dataset_examine
from deployhub.registry.models import Dataset
from tests.registry.conftest import DATASET_FILES, dataset_bytes, tus_send


def with_entry(info: zipfile.ZipInfo | str, content: bytes = b"x", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, good in DATASET_FILES.items():
            archive.writestr(name, good)
        archive.writestr(info, content)
    return buffer.getvalue()


def linked() -> bytes:
    info = zipfile.ZipInfo("images/val/link.jpg")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return with_entry(info, b"/etc/passwd")


def device() -> bytes:
    info = zipfile.ZipInfo("images/val/device.jpg")
    info.create_system = 3
    info.external_attr = (stat.S_IFCHR | 0o666) << 16
    return with_entry(info)


def encrypted() -> bytes:
    content = bytearray(with_entry("images/val/secret.jpg"))
    at = content.index(b"PK\x01\x02", content.rindex(b"images/val/secret.jpg") - 60)
    struct.pack_into("<H", content, at + 8, 1)
    return bytes(content)


def twice() -> bytes:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return with_entry("images/val/a.jpg", b"another")


def announced(count: int) -> bytes:
    """A zip whose end announces more entries than are read."""
    content = bytearray(dataset_bytes())
    at = content.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", content, at + 8, 0xFFFF, 0xFFFF)
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, 64, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    return bytes(content[:at]) + wide + locator + bytes(content[at:])


HOSTILE = {
    "slip": (lambda: with_entry("../../etc/cron.d/x"), "points outside of it"),
    "absolute": (lambda: with_entry("/etc/passwd"), "points outside of it"),
    "drive": (lambda: with_entry("C:/windows/x.jpg"), "points outside of it"),
    "backslash": (lambda: with_entry("..\\x.jpg"), "a name that cannot be kept"),
    "control character": (lambda: with_entry("images/\x1b[2J.jpg"), "a name that cannot be kept"),
    "link": (linked, "a link or device"),
    "device": (device, "a link or device"),
    "encrypted": (encrypted, "is encrypted"),
    "twice": (twice, "twice"),
    "same but for case": (lambda: with_entry("images/val/A.JPG"), "twice"),
    "ratio": (
        lambda: with_entry("images/val/b.png", bytes(64 * 1024**2), compression=zipfile.ZIP_DEFLATED),
        "only a zip bomb does",
    ),
    "count": (lambda: announced(10_000_000), "more than 200,000 entries"),
    "text": (lambda: b"PK\x03\x04" + b"hello" * 50, "not a zip file"),
    "cut": (lambda: dataset_bytes()[:-30], "not a zip file"),
    "no images": (lambda: dataset_bytes({"readme.txt": b"hello"}), "holds no images"),
    "no names": (lambda: dataset_bytes({"images/a.jpg": b"x", "labels/a.txt": b""}), "does not name its classes"),
    "aliases": (
        lambda: dataset_bytes({**DATASET_FILES, "data.yaml": b"a: &a [x]\nnames: [*a, *a]\n"}),
        "not valid YAML",
    ),
    "python": (
        lambda: dataset_bytes({**DATASET_FILES, "data.yaml": b"names: !!python/object/apply:os.system [id]\n"}),
        "not valid YAML",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_zip_is_refused_with_a_sentence(name):
    make, sentence = HOSTILE[name]
    with pytest.raises(InvalidInput, match=sentence) as refused:
        dataset_examine(io.BytesIO(make()), purpose="evaluation")
    assert refused.value.code == "dataset_refused"
    assert refused.value.hint.endswith(".")


def test_a_good_zip_is_not_refused():
    facts = dataset_examine(io.BytesIO(dataset_bytes()), purpose="evaluation")
    assert (facts.image_count, facts.label_count, facts.class_names) == (1, 1, ["circle", "square"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["slip", "link", "ratio", "encrypted", "twice"])
def test_the_api_refuses_a_hostile_zip_and_keeps_nothing(api, engineer, project, name):
    make, sentence = HOSTILE[name]
    client = api(engineer)
    sent = tus_send(client, make(), name="set.zip")
    body = {"upload": sent.upload_id, "name": "Shelves", "purpose": "evaluation"}
    answer = client.post("/api/v1/datasets/", body, format="json")
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]
    assert not Dataset.objects.exists()

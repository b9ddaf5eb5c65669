"""The check of a dataset: each thing that can be amiss, by a small zip made to have it."""

import io
import json
import resource
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

pytest.importorskip("numpy")

import numpy as np
from PIL import Image

from deployhub.engine.datasets.check import dataset_check
from deployhub.engine.datasets.findings import KINDS
from deployhub.engine.demo import shapes
from tests.engine.datasets.packed import NAMES, dataset, packed, picture

pytestmark = pytest.mark.engine
DEMO = Path(shapes.__file__).parent
BOX = "0 0.5 0.5 0.2 0.2\n"
GOOD = (BOX, "1 0.4 0.4 0.2 0.3\n")


@pytest.fixture
def check(tmp_path):
    """Check a dataset of these files: `check(files)`; its findings are `.found`, by code."""

    class Checked:
        def __init__(self, files, purpose="evaluation"):
            path = files if isinstance(files, Path) else packed(tmp_path / "set.zip", files)
            self.out = tmp_path / "out"
            self.out.mkdir(exist_ok=True)
            self.events = []
            self.result = dataset_check(path, purpose=purpose, out=self.out, emit=self.events.append)
            self.found = {finding["code"]: finding for finding in self.result["findings"]}

    return Checked


def bomb(width=30_000, height=30_000):
    """A PNG of 900 million pixels in some kilobytes."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    row = zlib.compressobj(9)
    packed_rows = row.compress(bytes(width // 8 + 1) * 300) + row.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed_rows) + chunk(b"IEND", b"")


def webp_bomb():
    """A WebP header that announces the largest canvas there is."""
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (16_383).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", len(body)) + body + bytes(64)


def jpeg_turned():
    image = Image.open(io.BytesIO(picture(9)))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", exif=exif)
    return buffer.getvalue()


def animated():
    frames = [Image.open(io.BytesIO(picture(seed))) for seed in (5, 6)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format="WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def named(extra, name="images/val/x.jpg", text=BOX):
    return dataset(GOOD, **{name: extra, "labels/val/x.txt": text})


CASES = {
    "image_corrupt": lambda: named(picture(7)[:600]),
    "image_huge": lambda: named(bomb(), "images/val/x.png"),
    "image_tiny": lambda: named(picture(7, size=(8, 40))),
    "line_malformed": lambda: dataset([*GOOD, "0 half\n"]),
    "class_unknown": lambda: dataset([*GOOD, "2 0.5 0.5 0.1 0.1\n"]),
    "outside_image": lambda: dataset([*GOOD, "0 320 240 20 20\n"]),
    "box_degenerate": lambda: dataset([*GOOD, "0 0.5 0.5 0 0.2\n"]),
    "names_missing": lambda: dataset(GOOD, names=""),
    "labels_none": lambda: dataset([None, ""]),
    "label_missing": lambda: dataset([*GOOD, None]),
    "label_orphan": lambda: dataset(GOOD, **{"labels/val/gone.txt": BOX}),
    "box_past_edge": lambda: dataset([*GOOD, "0 0.95 0.5 0.3 0.2\n"]),
    "box_small": lambda: dataset([*GOOD, "0 0.5 0.5 0.001 0.2\n"]),
    "box_twice": lambda: dataset([*GOOD, BOX + BOX]),
    "image_twice": lambda: named(picture(0)),
    "leakage": lambda: named(picture(0), "train/images/x.jpg"),
    "leakage_near": lambda: named(picture(0, quality=30), "train/images/x.jpg"),
    "image_near": lambda: named(picture(0, quality=30)),
    "class_empty": lambda: dataset([BOX]),
    "names_twice": lambda: dataset(GOOD, names="names: [circle, circle]\n"),
    "names_differ": lambda: dataset(GOOD, **{"classes.txt": "square\ncircle\n"}),
    "path_missing": lambda: dataset(GOOD, names=NAMES + "test: images/test\n"),
    "exif_rotated": lambda: named(jpeg_turned()),
    "animated": lambda: named(animated(), "images/val/x.webp"),
    "foreign_format": lambda: dataset(GOOD, **{"images/val/x.heic": b"heic"}),
    "background": lambda: dataset([*GOOD, ""]),
    "format_differs": lambda: named(picture(7, form="PNG")),
    "mode_unusual": lambda: named(picture(7, form="PNG", mode="L"), "images/val/x.png"),
    "split_shared": lambda: dataset(GOOD),
    "few_images": lambda: dataset(GOOD),
    "folder_unknown": lambda: {
        "data.yaml": "names: [a]\n", "val/a/1.jpg": picture(1), "val/b/2.jpg": picture(2),
    },
}  # fmt: skip


def test_every_kind_of_finding_has_a_dataset_that_shows_it():
    assert CASES.keys() == KINDS.keys()


@pytest.mark.parametrize("code", CASES)
def test_what_is_amiss_is_told_with_an_example_and_advice(check, code):
    finding = check(CASES[code]()).found[code]
    assert finding["severity"] == KINDS[code].severity
    assert finding["count"] >= 1
    assert finding["advice"].endswith(".")
    example = finding["examples"][0]
    assert example["file"] or example["detail"]
    if code in (
        "line_malformed",
        "class_unknown",
        "outside_image",
        "box_degenerate",
        "box_past_edge",
        "box_small",
    ):
        assert (example["file"], example["line"]) == ("labels/val/002.txt", 1)


def test_a_good_dataset_has_no_errors_and_no_warnings(check):
    assert {finding["severity"] for finding in check(dataset(GOOD)).result["findings"]} == {"notice"}


@pytest.mark.parametrize("name", ["shapes-evaluation.zip", "shapes-calibration.zip"])
def test_the_demo_datasets_pass(check, name):
    checked = check(DEMO / name, purpose=name.removeprefix("shapes-").removesuffix(".zip"))
    assert set(checked.found) == {"split_shared"}
    assert checked.result["statistics"]["images"] in (shapes.EVALUATION_IMAGES, shapes.CALIBRATION_IMAGES)
    assert len(checked.result["thumbnails"]) == 48
    done = [event["done"] for event in checked.events if event["type"] == "progress"]
    assert done[-1] == checked.result["statistics"]["images"]


def test_calibration_needs_images_alone(check):
    files = {f"images/{n}.jpg": picture(n) for n in range(3)}
    assert all(f["severity"] != "error" for f in check(files, purpose="calibration").result["findings"])
    assert check(files).found["labels_none"]["severity"] == "error"


@pytest.mark.parametrize(("name", "content"), [("x.png", bomb()), ("x.webp", webp_bomb())])
def test_a_picture_of_a_billion_pixels_in_a_small_file_costs_no_memory(check, name, content):
    assert len(content) < 100_000
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert check(named(content, f"images/val/{name}")).found["image_huge"]["severity"] == "error"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 50 * 1024


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "empty"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_damaged_images_of_every_format_are_findings_and_never_a_crash(check, form, damage):
    content = picture(7, form=form)
    broken = {
        "cut": content[: len(content) // 2], "flipped": content[:20] + bytes(len(content) - 20),
        "text": b"<html>not found</html>", "empty": b"",
    }[damage]  # fmt: skip
    suffix = {"JPEG": "jpg", "TIFF": "tif"}.get(form, form.lower())
    assert check(named(broken, f"images/val/x.{suffix}")).found["image_corrupt"]["count"] == 1


def test_a_damaged_entry_of_the_zip_is_a_finding_about_that_image(check, tmp_path):
    path = packed(tmp_path / "damaged.zip", named(picture(7)))
    content = bytearray(path.read_bytes())
    at = content.index(picture(7))
    content[at + 100 : at + 140] = bytes(40)
    path.write_bytes(content)
    assert check(path).found["image_corrupt"]["examples"][0]["file"] == "images/val/x.jpg"


def test_the_manifest_is_the_same_whatever_zip_the_same_files_came_in(check, tmp_path):
    files = dataset(GOOD)
    one = packed(tmp_path / "one.zip", files)
    two = packed(tmp_path / "two.zip", dict(reversed(files.items())), compression=zipfile.ZIP_DEFLATED)
    other = packed(tmp_path / "other.zip", dataset([*GOOD[:1], "1 0.4 0.4 0.2 0.2\n"]))
    digests = [check(path).result["manifest_sha256"] for path in (one, two, other)]
    assert digests[0] == digests[1] != digests[2]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [image["path"] for image in manifest["images"]] == ["images/val/000.jpg", "images/val/001.jpg"]


def test_statistics_and_profile_say_what_the_dataset_is_like(check):
    white, black = (Image.new("RGB", (80, 40), colour) for colour in ("white", "black"))
    files = {"data.yaml": NAMES}
    for number, image in enumerate((white, black)):
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        files[f"images/val/{number}.png"] = buffer.getvalue()
        files[f"labels/val/{number}.txt"] = BOX * number + "1 0.25 0.75 0.5 0.5\n"
    result = check(files).result
    statistics, profile = result["statistics"], result["profile"]
    assert statistics["classes"] == [
        {"name": "circle", "objects": 1, "images": 1}, {"name": "square", "objects": 2, "images": 2},
    ]  # fmt: skip
    assert statistics["splits"] == [{"split": "val", "images": 2, "labelled": 2, "objects": 3}]
    assert statistics["image_sizes"] == [{"width_px": 80, "height_px": 40, "images": 2}]
    assert sum(map(sum, statistics["box_position"])) == 3
    assert statistics["box_position"][12][4] == 2
    assert profile["channels"] == {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    assert (profile["brightness"]["counts"][0], profile["brightness"]["counts"][31]) == (1, 1)
    assert profile["aspect"]["mean"] == 1.0
    assert profile["sharpness"]["mean"] == 0.0
    assert profile["objects"]["counts"][1:3] == [1, 1]
    assert np.isclose(profile["box_size"]["mean"], (0.2 + 0.5 + 0.5) / 3)


def test_thumbnails_show_the_worst_and_every_class_and_carry_nothing_of_the_original(check):
    rare = "1 0.5 0.5 0.1 0.1\n"
    labels = [BOX] * 70 + [rare] + [BOX + BOX]
    files = dataset(labels)
    files["images/val/000.jpg"] = jpeg_turned()
    checked = check(files)
    shown = {thumbnail["image"]: thumbnail for thumbnail in checked.result["thumbnails"]}
    assert len(shown) == 48
    assert "images/val/070.jpg" in shown
    assert shown["images/val/071.jpg"]["findings"] == ["box_twice"]
    turned = shown["images/val/000.jpg"]
    assert (turned["original_width_px"], turned["original_height_px"]) == (48, 64)
    with Image.open(checked.out / turned["file"]) as image:
        assert not image.getexif()
    assert turned["shapes"][0]["box"] == [0.4, 0.4, 0.2, 0.2]

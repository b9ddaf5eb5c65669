"""The generated shapes: the same for everybody, correctly labelled, and what the committed zips hold."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("numpy")

import numpy as np
import yaml
from PIL import Image

from deployhub.engine.demo import shapes

pytestmark = pytest.mark.engine

DEMO = Path(shapes.__file__).parent
COMMITTED = {
    "shapes-evaluation.zip": (shapes.EVALUATION_IMAGES, shapes.EVALUATION_SEED),
    "shapes-calibration.zip": (shapes.CALIBRATION_IMAGES, shapes.CALIBRATION_SEED),
}
ZIP_SIZE_MAX_BYTES = 3_000_000
# Image libraries may round a pixel differently from one processor to the next.
PIXEL_DIFFERENCE_MAX = 1.0


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), dtype=np.float32)


def test_the_same_seed_makes_the_same_zip_byte_for_byte(tmp_path):
    first, second, other = (tmp_path / name for name in ("first.zip", "second.zip", "other.zip"))
    shapes.dataset_zip(path=first, images=3, seed=7)
    shapes.dataset_zip(path=second, images=3, seed=7)
    shapes.dataset_zip(path=other, images=3, seed=8)
    assert digest(first) == digest(second)
    assert digest(first) != digest(other)


def test_training_and_validation_images_of_one_seed_differ():
    train = shapes.scene_generate(seed=7, split="train", index=0)
    val = shapes.scene_generate(seed=7, split="val", index=0)
    assert train.label_text() != val.label_text()


def test_every_image_has_shapes_and_every_box_lies_inside_it():
    seen = set()
    for scene in shapes.scenes_generate(seed=11, split="train", images=30):
        assert scene.image.size == (shapes.IMAGE_SIZE_PX, shapes.IMAGE_SIZE_PX)
        assert 1 <= len(scene.labels) <= shapes.SHAPES_MAX
        for label in scene.labels:
            seen.add(shapes.CLASS_NAMES[label.class_index])
            assert label.width > 0
            assert label.height > 0
            assert label.width / 2 <= label.centre_x <= 1 - label.width / 2
            assert label.height / 2 <= label.centre_y <= 1 - label.height / 2
    assert seen == set(shapes.CLASS_NAMES)


def test_a_box_fits_tightly_around_the_shape_it_names():
    rng = np.random.default_rng(5)
    drafts = [shapes._shape_draft(rng) for _ in range(40)]
    assert {shape.class_index for shape in drafts} == set(range(len(shapes.CLASS_NAMES)))
    for shape in drafts:
        rows, columns = np.nonzero(np.asarray(shapes._mask_draw(shape)) > 127)
        drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        # A sharp corner covers less than half of its last pixels, so the drawn edge may lie further in.
        assert np.abs(np.array(drawn) - np.array(shape.box())).max() < 3


def test_the_folder_to_train_from_has_yolo_layout_and_names_no_place(tmp_path):
    assert shapes.main(["--out", str(tmp_path), "--images", "5", "--seed", "3"]) == 0
    description = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert "path" not in description
    assert list(description["names"].values()) == list(shapes.CLASS_NAMES)
    for split, count in (("train", 5), ("val", 1)):
        images = sorted(path.stem for path in (tmp_path / description[split]).glob("*.jpg"))
        labels = sorted(path.stem for path in (tmp_path / "labels" / split).glob("*.txt"))
        assert images == labels
        assert len(images) == count


def test_asking_for_no_images_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        shapes.main(["--out", str(tmp_path), "--images", "0"])
    assert "--images must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_zip_is_complete_small_and_plain(name):
    path = DEMO / name
    images, _ = COMMITTED[name]
    assert path.stat().st_size <= ZIP_SIZE_MAX_BYTES
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        entries = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {shapes.ZIP_TIME}
        description = yaml.safe_load(archive.read("data.yaml"))
    assert "path" not in description
    assert description["val"] == "images/val"
    stems = {f"shapes-{index:04d}" for index in range(images)}
    expected = {f"images/val/{stem}.jpg" for stem in stems} | {f"labels/val/{stem}.txt" for stem in stems}
    assert set(entries) == expected | {"data.yaml"}


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_zip_holds_what_the_generator_makes(name):
    images, seed = COMMITTED[name]
    with zipfile.ZipFile(DEMO / name) as archive:
        for index in (0, 1, images // 2, images - 1):
            scene = shapes.scene_generate(seed=seed, split="val", index=index)
            label = archive.read(f"labels/val/shapes-{index:04d}.txt").decode()
            assert label == scene.label_text()
            stored = pixels(archive.read(f"images/val/shapes-{index:04d}.jpg"))
            assert np.abs(stored - pixels(scene.jpeg())).mean() <= PIXEL_DIFFERENCE_MAX

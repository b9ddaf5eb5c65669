"""How a dataset's zip is read: which images, labels, classes and splits, and which task."""

from pathlib import Path

import pytest

pytest.importorskip("numpy")

from deployhub.engine.datasets.layout import boxes_of, layout_read
from deployhub.engine.demo import shapes
from deployhub.engine.spec import EngineError
from tests.engine.datasets.packed import NAMES, dataset, packed, picture

pytestmark = pytest.mark.engine
DEMO = Path(shapes.__file__).parent


def test_the_demo_dataset_is_read_as_it_was_generated():
    layout = layout_read(DEMO / "shapes-evaluation.zip")
    assert layout.task == "detect"
    assert layout.class_names == shapes.CLASS_NAMES
    assert len(layout.entries) == shapes.EVALUATION_IMAGES
    assert {entry.split for entry in layout.entries} == {"val"}
    assert layout.shared_splits == ("train",)
    assert (layout.problems, layout.orphan_labels, layout.missing_paths) == ((), (), ())
    first = layout.entries[0]
    scene = shapes.scene_generate(seed=shapes.EVALUATION_SEED, split="val", index=0)
    assert [row.tolist() for row in first.rows] == [
        [float(word) for word in label.line().split()] for label in scene.labels
    ]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/val/a.jpg", "labels/val/a.txt"),
        ("set/images/val/a.jpg", "set/labels/val/a.txt"),
        ("val/images/a.jpg", "val/labels/a.txt"),
        ("valid/images/a.jpg", "valid/labels/a.txt"),
        ("val/a.jpg", "val/a.txt"),
        ("images/val/images/a.jpg", "images/val/labels/a.txt"),
    ],
)
def test_each_usual_layout_finds_the_label_and_the_split_of_an_image(tmp_path, image, label):
    path = packed(tmp_path / "a.zip", {"data.yaml": NAMES, image: picture(), label: "1 0.5 0.5 0.1 0.1"})
    (entry,) = layout_read(path).entries
    assert (entry.label, entry.split) == (label, "val")
    assert entry.rows[0].tolist() == [1, 0.5, 0.5, 0.1, 0.1]


@pytest.mark.parametrize(
    "yaml",
    [
        "path: /home/anna/sets\ntrain: images/first\nval: images/second\n",
        "path: ../datasets/mine\ntrain: ../images/first\nval: ../images/second\n",
        "train: [images/first]\nval: [images/second]\n",
        "train: first.txt\nval: second.txt\n",
    ],
)
def test_data_yaml_says_which_split_an_image_belongs_to(tmp_path, yaml):
    path = packed(
        tmp_path / "a.zip",
        {
            "data.yaml": yaml + "names: {0: circle, 1: square}\n",
            "first.txt": "./images/first/a.jpg\n",
            "second.txt": "./images/second/b.jpg\n",
            "images/first/a.jpg": picture(1),
            "images/second/b.jpg": picture(2),
        },
    )
    layout = layout_read(path)
    assert {entry.stem: entry.split for entry in layout.entries} == {"a.jpg": "train", "b.jpg": "val"}
    assert layout.class_names == ("circle", "square")
    assert [entry.stem for entry in layout.for_evaluation()] == ["b.jpg"]


@pytest.mark.parametrize(
    ("task", "row", "more"),
    [
        ("detect", "0 0.5 0.5 0.2 0.4", ""),
        ("obb", "0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7", ""),
        ("segment", "0 0.4 0.3 0.6 0.3 0.6 0.7 0.5 0.7 0.4 0.7", ""),
        ("segment", "0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7", "task: segment\n"),
        ("pose", "0 0.5 0.5 0.2 0.4 0.5 0.5 2 0.6 0.6 1", "kpt_shape: [2, 3]\n"),
    ],
)
def test_the_task_follows_from_the_rows_and_data_yaml(tmp_path, task, row, more):
    layout = layout_read(packed(tmp_path / "a.zip", dataset([row], names=NAMES + more)))
    assert layout.task == task
    assert not layout.problems
    assert boxes_of(layout.entries[0], layout.task)[0] == pytest.approx([0, 0.5, 0.5, 0.2, 0.4])


def test_folders_of_classes_are_a_dataset_to_classify(tmp_path):
    files = {
        f"set/{split}/{name}/{n}.jpg": picture(n) for split in ("train", "val") for n, name in enumerate("ab")
    }
    layout = layout_read(packed(tmp_path / "a.zip", files))
    assert (layout.task, layout.class_names) == ("classify", ("a", "b"))
    assert [(entry.split, entry.class_index) for entry in layout.entries] == [
        ("train", 0), ("train", 1), ("val", 0), ("val", 1),
    ]  # fmt: skip


def test_lines_that_cannot_be_read_are_told_with_file_and_line(tmp_path):
    text = "0 0.5 0.5 0.2 0.2\n\nnonsense\n0 0.5 0.5 0.2\n0.5 0.5 0.5 0.1 0.1\n0 nan 0.5 0.1 0.1\n0 0.1 0.1 0.2 0.2 0.3 0.3\n"
    layout = layout_read(packed(tmp_path / "a.zip", dataset([text])))
    assert [problem.line for problem in layout.problems] == [3, 4, 5, 6, 7]
    assert {problem.file for problem in layout.problems} == {"labels/val/000.txt"}
    assert layout.entries[0].lines == (1,)


def test_labels_without_an_image_and_paths_that_lead_nowhere_are_told(tmp_path):
    files = dataset(**{"labels/val/gone.txt": "0 0.5 0.5 0.1 0.1"})
    files["data.yaml"] += "test: images/test\n"
    layout = layout_read(packed(tmp_path / "a.zip", files))
    assert layout.orphan_labels == ("labels/val/gone.txt",)
    assert layout.missing_paths == ("test: images/test",)


def test_what_is_no_dataset_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 no zip")
    for path in (packed(tmp_path / "a.zip", {"readme.md": "hello"}), tmp_path / "b.zip"):
        with pytest.raises(EngineError, match=r"holds no images|is damaged"):
            layout_read(path)

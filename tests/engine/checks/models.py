"""Small models of every task, trained on generated shapes, and evaluation sets of them; each is made once and kept.

Box heads start from the demo model's weights, so that a few epochs teach what is new in a task.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from deployhub.engine.demo import shapes

DEMO = Path(shapes.__file__).parent
WEIGHTS = DEMO / "shapes-yolov8n.pt"
EVALUATION = DEMO / "shapes-evaluation.zip"
IMAGE_SIZE_PX = 160
CROP_SIZE_PX = 96
KEYPOINTS = 3
CIRCLE_POINTS = 24
# Architecture: (task, training images, epochs).
TRAINED = {
    "yolov8n-seg": ("segment", 120, 4),
    "yolov8n-pose": ("pose", 120, 6),
    "yolov8n-obb": ("obb", 120, 6),
    "yolov8n-cls": ("classify", 240, 6),
    "yolo11n": ("detect", 400, 16),
    "yolo26n": ("detect", 400, 20),
}


def cache_folder() -> Path:
    """Where trained models are kept between runs; DEPLOYHUB_TEST_MODELS names another place."""
    named = os.environ.get("DEPLOYHUB_TEST_MODELS")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / f"deployhub-test-models-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _placed(seed: int, index: int) -> list[Any]:
    """The shapes of `shapes.scene_generate(seed=seed, split="val", index=index)`."""
    rng = np.random.default_rng([seed, shapes.SPLITS.index("val"), index])
    shapes._background_paint(rng)
    return shapes._shapes_place(rng)


def _outline(shape: Any) -> Any:
    if shape.outline:
        return np.array(shape.outline)
    turns = np.arange(CIRCLE_POINTS) * 2 * math.pi / CIRCLE_POINTS
    return np.array(shape.centre) + shape.radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)


def label_line(shape: Any, task: str) -> str:
    """One line of a label file for a task; coordinates in fractions of the image."""
    import cv2

    x1, y1, x2, y2 = shape.box()
    frame = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    match task:
        case "segment":
            values = _outline(shape).reshape(-1)
        case "obb":
            values = cv2.boxPoints(cv2.minAreaRect(_outline(shape).astype(np.float32))).reshape(-1)
        case "pose":
            middle = (y1 + y2) / 2
            values = [*frame, *shape.centre, x1, middle, x2, middle]
        case _:
            values = frame
    shares = np.clip(np.asarray(values) / shapes.IMAGE_SIZE_PX, 0, 1)
    return " ".join([str(shape.class_index), *(f"{share:.6f}" for share in shares)])


def dataset_folder(folder: Path, *, task: str, images: int, seed: int, split: str) -> None:
    """Write images and labels of a split for a task, in YOLO layout."""
    for index in range(images):
        picture = shapes.scene_generate(seed=seed, split="val", index=index).image
        placed = _placed(seed, index)
        if task == "classify":
            for number, shape in enumerate(placed[:2]):
                x1, y1, x2, y2 = shape.box()
                box = (x1 - 6, y1 - 6, x2 + 6, y2 + 6)
                target = folder / split / shapes.CLASS_NAMES[shape.class_index]
                target.mkdir(parents=True, exist_ok=True)
                picture.crop([round(edge) for edge in box]).resize((CROP_SIZE_PX, CROP_SIZE_PX)).save(
                    target / f"{index:04d}-{number}.jpg"
                )
            continue
        for name in ("images", "labels"):
            (folder / name / split).mkdir(parents=True, exist_ok=True)
        picture.save(folder / "images" / split / f"{index:04d}.jpg", quality=90)
        lines = "".join(label_line(shape, task) + "\n" for shape in placed)
        (folder / "labels" / split / f"{index:04d}.txt").write_text(lines)
    if task != "classify":
        names = "".join(f"  {index}: {name}\n" for index, name in enumerate(shapes.CLASS_NAMES))
        shape_line = f"kpt_shape: [{KEYPOINTS}, 2]\nflip_idx: [0, 2, 1]\n" if task == "pose" else ""
        (folder / "data.yaml").write_text(
            f"task: {task}\ntrain: images/train\nval: images/val\n{shape_line}names:\n{names}"
        )


def evaluation_zip(task: str, *, images: int = 60) -> Path:
    """An evaluation set of generated shapes for a task."""
    path = cache_folder() / f"evaluation-{task}-{images}.zip"
    if not path.exists():
        with tempfile.TemporaryDirectory() as work:
            dataset_folder(Path(work), task=task, images=images, seed=7001, split="val")
            draft = path.with_suffix(".part")
            with zipfile.ZipFile(draft, "w") as archive:
                for file in sorted(Path(work).rglob("*")):
                    if file.is_file():
                        archive.write(file, file.relative_to(work).as_posix())
            draft.replace(path)
    return path


def model_trained(name: str) -> Path:
    """A model of `TRAINED`, trained here on the processor the first time that it is asked for."""
    path = cache_folder() / f"{name}.pt"
    if path.exists():
        return path
    from ultralytics import YOLO

    task, images, epochs = TRAINED[name]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "data"
        dataset_folder(folder, task=task, images=images, seed=5001, split="train")
        dataset_folder(folder, task=task, images=12, seed=6001, split="val")
        model = YOLO(f"{name}.yaml", task=task)
        if name.startswith("yolov8"):
            model.load(WEIGHTS)
        model.train(
            data=str(folder if task == "classify" else folder / "data.yaml"), epochs=epochs,
            imgsz=CROP_SIZE_PX if task == "classify" else IMAGE_SIZE_PX, batch=16, seed=1, device="cpu", workers=0,
            cache="ram", amp=False, plots=False, pretrained=name.startswith("yolov8"), optimizer="AdamW", lr0=0.002,
            mosaic=0.0, erasing=0.0, warmup_epochs=0.5, val=False, project=work, name="run", exist_ok=True, verbose=False,
        )  # fmt: skip
        shutil.move(str(Path(work) / "run" / "weights" / "last.pt"), path)
    return path

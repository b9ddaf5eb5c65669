"""Generate the demo dataset: circles, squares, triangles and stars on painted backgrounds.

Run as a command it writes a folder to train from, or one zip to evaluate or calibrate with:

    python -m deployhub.engine.demo.shapes --out DIR --images 600 --seed 1
    python -m deployhub.engine.demo.shapes --zip FILE --images 120 --seed 1001
"""

import argparse
import io
import math
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

CLASS_NAMES = ("circle", "square", "triangle", "star")
IMAGE_SIZE_PX = 320
JPEG_QUALITY = 90

TRAINING_SEED = 1
TRAINING_IMAGES = 600
EVALUATION_SEED = 1001
EVALUATION_IMAGES = 120
CALIBRATION_SEED = 2002
CALIBRATION_IMAGES = 64

SPLITS = ("train", "val")
VALIDATION_SHARE = 5  # one validation image for so many training images

SHAPES_MIN, SHAPES_MAX = 2, 7
RADIUS_MIN_PX, RADIUS_MAX_PX = 16.0, 60.0
RADIUS_SKEW = 1.5
OVERLAP_MAX = 0.12  # share of the smaller box that two shapes may have in common
PLACEMENT_ATTEMPTS = 40
STAR_INNER_RADIUS = 0.45
SUPERSAMPLING = 4  # edges are drawn this much larger and averaged, so that they are smooth
CONTRAST_MIN = 80.0  # distance in RGB between a shape and what lies under it

# The oldest time that a zip can hold: the bytes must not depend on when the file was made.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Label:
    """One box as YOLO writes it: centre and size in fractions of the image, 0..1."""

    class_index: int
    centre_x: float
    centre_y: float
    width: float
    height: float

    def line(self) -> str:
        """Write the label as one line of a YOLO label file."""
        box = (self.centre_x, self.centre_y, self.width, self.height)
        return " ".join([str(self.class_index), *(f"{value:.6f}" for value in box)])


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One generated image with the box of every shape in it."""

    image: Image.Image
    labels: tuple[Label, ...]

    def jpeg(self) -> bytes:
        """Encode the image as it is stored in the datasets."""
        buffer = io.BytesIO()
        self.image.save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
        return buffer.getvalue()

    def label_text(self) -> str:
        """Write the YOLO label file of this image."""
        return "".join(f"{label.line()}\n" for label in self.labels)


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A shape with its place in the image, in pixels; `outline` is empty for a circle."""

    class_index: int
    centre: tuple[float, float]
    radius: float
    outline: tuple[tuple[float, float], ...]

    def box(self) -> tuple[float, float, float, float]:
        if not self.outline:
            (x, y), r = self.centre, self.radius
            return x - r, y - r, x + r, y + r
        xs, ys = zip(*self.outline, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


def scene_generate(*, seed: int, split: str, index: int) -> Scene:
    """Paint one image; the same seed, split and index always give the same image."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    canvas = _background_paint(rng)
    placed = _shapes_place(rng)
    for shape in placed:
        canvas = _shape_paint(rng, canvas, shape)
    return Scene(image=_camera_apply(rng, canvas), labels=tuple(_label_measure(shape) for shape in placed))


def scenes_generate(*, seed: int, split: str, images: int) -> Iterator[Scene]:
    """Yield the first `images` scenes of a split."""
    return (scene_generate(seed=seed, split=split, index=index) for index in range(images))


def dataset_write(*, out: Path, images: int, seed: int) -> int:
    """Write a dataset in YOLO layout to train from; returns how many images it holds.

    images: how many to train on; a fifth as many (at least one) are added for validation.
    """
    counts = {"train": images, "val": max(1, images // VALIDATION_SHARE)}
    for split, count in counts.items():
        for folder in ("images", "labels"):
            (out / folder / split).mkdir(parents=True, exist_ok=True)
        for index, scene in enumerate(scenes_generate(seed=seed, split=split, images=count)):
            (out / f"images/{split}/{_stem(index)}.jpg").write_bytes(scene.jpeg())
            (out / f"labels/{split}/{_stem(index)}.txt").write_text(scene.label_text(), encoding="utf-8")
    (out / "data.yaml").write_text(_dataset_description(train="images/train"), encoding="utf-8")
    return sum(counts.values())


def dataset_zip(*, path: Path, images: int, seed: int) -> int:
    """Write a validation split as one zip in YOLO layout; returns its size in bytes.

    The same arguments give the same bytes: entries are ordered, stored without compression
    (JPEG does not shrink further, and compressors differ) and carry a fixed time.
    """
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_STORED) as archive:
        _entry_write(archive, "data.yaml", _dataset_description(train="images/val").encode())
        for index, scene in enumerate(scenes_generate(seed=seed, split="val", images=images)):
            _entry_write(archive, f"images/val/{_stem(index)}.jpg", scene.jpeg())
            _entry_write(archive, f"labels/val/{_stem(index)}.txt", scene.label_text().encode())
    return path.stat().st_size


def _stem(index: int) -> str:
    return f"shapes-{index:04d}"


def _entry_write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=ZIP_TIME)
    entry.create_system = 3  # Unix, wherever the zip is made
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _dataset_description(*, train: str) -> str:
    # No `path` key: Ultralytics then starts from the folder of this file, wherever it was unpacked.
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASS_NAMES))
    return f"train: {train}\nval: images/val\nnames:\n{names}"


def _shapes_place(rng: np.random.Generator) -> list[_Placed]:
    placed: list[_Placed] = []
    wanted = int(rng.integers(SHAPES_MIN, SHAPES_MAX + 1))
    for _ in range(wanted):
        for _ in range(PLACEMENT_ATTEMPTS):
            shape = _shape_draft(rng)
            if all(_overlap_measure(shape.box(), other.box()) <= OVERLAP_MAX for other in placed):
                placed.append(shape)
                break
    return placed


def _shape_draft(rng: np.random.Generator) -> _Placed:
    class_index = int(rng.integers(len(CLASS_NAMES)))
    # A power above 1 favours small shapes, which leaves room for several in one image.
    radius = RADIUS_MIN_PX + (RADIUS_MAX_PX - RADIUS_MIN_PX) * float(rng.random()) ** RADIUS_SKEW
    x, y = (float(rng.uniform(radius + 1, IMAGE_SIZE_PX - radius - 1)) for _ in range(2))
    turn = float(rng.uniform(0, 2 * math.pi))
    corners = _corners(CLASS_NAMES[class_index])
    outline = tuple(
        (x + radius * reach * math.cos(turn + angle), y + radius * reach * math.sin(turn + angle))
        for angle, reach in corners
    )
    return _Placed(class_index=class_index, centre=(x, y), radius=radius, outline=outline)


def _corners(name: str) -> list[tuple[float, float]]:
    """Give the corners of a shape as (angle, distance from the centre), for a radius of 1."""
    if name == "circle":
        return []
    if name == "star":
        return [(math.pi * k / 5, 1.0 if k % 2 == 0 else STAR_INNER_RADIUS) for k in range(10)]
    sides = {"triangle": 3, "square": 4}[name]
    return [(2 * math.pi * k / sides, 1.0) for k in range(sides)]


def _overlap_measure(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Give the common area of two boxes as a share of the smaller one, 0..1."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / smaller


def _label_measure(shape: _Placed) -> Label:
    left, top, right, bottom = (value / IMAGE_SIZE_PX for value in shape.box())
    return Label(
        class_index=shape.class_index,
        centre_x=(left + right) / 2,
        centre_y=(top + bottom) / 2,
        width=right - left,
        height=bottom - top,
    )


def _colour(rng: np.random.Generator, *, saturation: tuple[int, int], value: tuple[int, int]) -> Floats:
    hsv = (int(rng.integers(256)), int(rng.integers(*saturation)), int(rng.integers(*value)))
    return np.asarray(Image.new("HSV", (1, 1), hsv).convert("RGB"), dtype=np.float32)[0, 0]


def _noise_paint(rng: np.random.Generator, *, cells: int) -> Floats:
    """Paint soft noise of (H, W) in 0..1: a few random cells, enlarged smoothly."""
    small = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
    large = small.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX), Image.Resampling.BICUBIC)
    return np.asarray(large, dtype=np.float32) / 255


def _ramp_paint(rng: np.random.Generator) -> Floats:
    """Paint a ramp of (H, W) in 0..1: straight, round, or striped."""
    y, x = np.mgrid[0:IMAGE_SIZE_PX, 0:IMAGE_SIZE_PX].astype(np.float32) / IMAGE_SIZE_PX - 0.5
    kind = int(rng.integers(3))
    turn = float(rng.uniform(0, 2 * math.pi))
    across = x * math.cos(turn) + y * math.sin(turn)
    if kind == 0:
        return np.clip(across + 0.5, 0, 1)
    if kind == 1:
        centre = rng.uniform(-0.3, 0.3, 2)
        return np.clip(np.hypot(x - centre[0], y - centre[1]) * 1.3, 0, 1)
    stripes = np.sin(across * float(rng.uniform(12, 40))) * 0.18
    return np.clip(across * 0.6 + 0.5 + stripes, 0, 1)


def _background_paint(rng: np.random.Generator) -> Floats:
    """Paint an empty background of (H, W, 3), RGB, 0..255: two muted colours, a ramp and soft noise."""
    first = _colour(rng, saturation=(20, 120), value=(40, 240))
    second = _colour(rng, saturation=(20, 120), value=(40, 240))
    mix = _ramp_paint(rng)[..., None]
    canvas = first * (1 - mix) + second * mix
    clouds = _noise_paint(rng, cells=int(rng.integers(4, 12))) - 0.5
    grain = _noise_paint(rng, cells=int(rng.integers(30, 80))) - 0.5
    strength = rng.uniform(0, 1, 2)
    canvas = canvas + (clouds * 60 * strength[0] + grain * 24 * strength[1])[..., None]
    return np.clip(canvas, 0, 255).astype(np.float32)


def _mask_draw(shape: _Placed, *, shrink_px: float = 0.0) -> Image.Image:
    """Draw the area of a shape as a mask of the image's size; `shrink_px` makes it smaller all round."""
    side = IMAGE_SIZE_PX * SUPERSAMPLING
    mask = Image.new("L", (side, side))
    pen = ImageDraw.Draw(mask)
    (x, y), scale = shape.centre, 1 - shrink_px / shape.radius
    if shape.outline:
        corners = [(x + (px - x) * scale, y + (py - y) * scale) for px, py in shape.outline]
        pen.polygon([(px * SUPERSAMPLING, py * SUPERSAMPLING) for px, py in corners], fill=255)
    else:
        r = shape.radius * scale
        pen.ellipse([edge * SUPERSAMPLING for edge in (x - r, y - r, x + r, y + r)], fill=255)
    return mask.reduce(SUPERSAMPLING)


def _weights(mask: Image.Image) -> Floats:
    return np.asarray(mask, dtype=np.float32)[..., None] / 255


def _shape_paint(rng: np.random.Generator, canvas: Floats, shape: _Placed) -> Floats:
    """Paint a shape with its shadow, shading and sometimes a rim over (H, W, 3), RGB, 0..255."""
    mask = _mask_draw(shape)
    area = _weights(mask)
    under = (canvas * area).sum(axis=(0, 1)) / area.sum()
    for _ in range(PLACEMENT_ATTEMPTS):
        colour = _colour(rng, saturation=(110, 256), value=(110, 256))
        if float(np.linalg.norm(colour - under)) >= CONTRAST_MIN:
            break

    shift = [int(step) for step in rng.integers(1, 5, 2)]
    shadow = Image.new("L", mask.size)
    shadow.paste(mask, (shift[0], shift[1]))
    blurred = _weights(shadow.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.5, 4)))))
    canvas = canvas * (1 - blurred * float(rng.uniform(0.15, 0.45)))

    y, x = np.mgrid[0:IMAGE_SIZE_PX, 0:IMAGE_SIZE_PX].astype(np.float32)
    turn = float(rng.uniform(0, 2 * math.pi))
    across = ((x - shape.centre[0]) * math.cos(turn) + (y - shape.centre[1]) * math.sin(turn)) / shape.radius
    shading = np.clip(1 + across * float(rng.uniform(0, 0.28)), 0.6, 1.4)[..., None]
    fill = np.clip(colour * shading, 0, 255)
    if rng.random() < 0.35:
        rim = area - _weights(_mask_draw(shape, shrink_px=float(rng.uniform(2, 5))))
        fill = fill * (1 - rim) + np.clip(colour * 0.55 + 110, 0, 255) * rim
    return (canvas * (1 - area) + fill * area).astype(np.float32)


def _camera_apply(rng: np.random.Generator, canvas: Floats) -> Image.Image:
    """Photograph a canvas: brightness, contrast, a little blur, a little sensor noise."""
    canvas = (canvas - 128) * float(rng.uniform(0.75, 1.15)) + 128
    canvas = canvas * float(rng.uniform(0.6, 1.2))
    canvas = canvas + rng.normal(0, float(rng.uniform(0, 4)), canvas.shape)
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.7))))


def main(arguments: list[str] | None = None) -> int:
    """Write a dataset folder or a dataset zip, as the command line asks."""
    parser = argparse.ArgumentParser(
        prog="python -m deployhub.engine.demo.shapes", description="Generate the demo dataset."
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, metavar="DIR", help="write a folder to train from")
    target.add_argument("--zip", type=Path, metavar="FILE", help="write one validation split as a zip")
    parser.add_argument("--images", type=int, default=TRAINING_IMAGES, help="how many images (default 600)")
    parser.add_argument("--seed", type=int, default=TRAINING_SEED, help="which images (default 1)")
    options = parser.parse_args(arguments)
    if options.images < 1:
        parser.error("--images must be at least 1.")
    if options.zip:
        size_bytes = dataset_zip(path=options.zip, images=options.images, seed=options.seed)
        sys.stdout.write(f"{options.zip}: {options.images} images, {size_bytes} bytes\n")
    else:
        written = dataset_write(out=options.out, images=options.images, seed=options.seed)
        sys.stdout.write(f"{options.out}: {written} images\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Decode the images of a dataset, one at a time and within bounds. Runs in the sandbox alone."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps

from deployhub.engine.spec import MIB

PIXELS_MAX = 64_000_000
"""Of one image. Decoded it takes 192 MB; the header alone tells, so a bomb costs nothing."""
FILE_BYTES_MAX = 256 * MIB
SIDE_MIN_PX = 10
FORMATS = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
}
ORIENTATION_TAG = 0x0112
MEASURED_SIDE_PX = 256
HASH_SIDE = 8
Pixels = npt.NDArray[np.uint8]


class PictureRefused(Exception):
    """The image is not decoded. code: of findings.KINDS; str(): why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, upright, in RGB. reduced: its longer side is at most MEASURED_SIDE_PX."""

    sha256: str
    width_px: int
    height_px: int
    form: str
    mode: str
    frames: int
    is_turned: bool
    image: Image.Image
    reduced: Pixels
    fingerprint: int


def picture_read(archive: zipfile.ZipFile, name: str) -> Picture:
    """Decode one image of the zip. Raises PictureRefused."""
    info = archive.getinfo(name)
    if info.file_size > FILE_BYTES_MAX:
        raise PictureRefused("image_huge", "the file has more than 256 MiB")
    try:
        content = archive.read(info)
    except Exception as broken:
        raise PictureRefused("image_corrupt", "its bytes in the zip file are damaged") from broken
    return picture_decode(content)


def picture_decode(content: bytes) -> Picture:
    """Decode an image from its bytes. Raises PictureRefused."""
    # Whoever else lives in this process may have loosened Pillow; a cut-off image must be told, not filled with grey.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX * 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if (size := _webp_size(content)) is not None and size[0] * size[1] > PIXELS_MAX:
            raise PictureRefused("image_huge", f"{size[0]} × {size[1]} pixels")
        try:
            image = Image.open(io.BytesIO(content), formats=list(FORMATS))
        except Image.DecompressionBombError as bomb:
            raise PictureRefused("image_huge", "more pixels than are decoded") from bomb
        except Exception as broken:
            raise PictureRefused("image_corrupt", "not an image of a kind that is read") from broken
        width, height = image.size
        if width * height > PIXELS_MAX:
            raise PictureRefused("image_huge", f"{width} × {height} pixels")
        if min(width, height) < SIDE_MIN_PX:
            raise PictureRefused("image_tiny", f"{width} × {height} pixels")
        form, mode = image.format or "", image.mode
        try:
            frames = int(getattr(image, "n_frames", 1))
            orientation = image.getexif().get(ORIENTATION_TAG, 1)
            image.load()
            upright = ImageOps.exif_transpose(image)
            rgb = _rgb(upright)
        except MemoryError:
            raise
        except Exception as broken:
            raise PictureRefused("image_corrupt", "it is cut off or damaged") from broken
    return Picture(
        sha256=hashlib.sha256(content).hexdigest(),
        width_px=rgb.width,
        height_px=rgb.height,
        form=form,
        mode=mode,
        frames=frames,
        is_turned=orientation not in (0, 1, None),
        image=rgb,
        reduced=np.asarray(reduced_to(rgb, MEASURED_SIDE_PX)),
        fingerprint=_fingerprint(rgb),
    )


def _webp_size(content: bytes) -> tuple[int, int] | None:
    """Width and height by a WebP file's header: its decoder reserves the canvas before Pillow asks for the size.

    Source: WebP Container Specification, and RFC 9649 §2.5 and §3.4.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    match content[12:16]:
        case b"VP8X":
            return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = content[26:28], content[28:30]
            return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF
    return None


def reduced_to(image: Image.Image, side_px: int) -> Image.Image:
    """The image with its longer side at most `side_px`, by area averages."""
    longer = max(image.size)
    if longer <= side_px:
        return image
    size = (max(1, round(image.width * side_px / longer)), max(1, round(image.height * side_px / longer)))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.asarray(image, dtype=np.float32)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        image = Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8))
    return image.convert("RGB")


def _fingerprint(image: Image.Image) -> int:
    """128 bits by which nearly the same images are told: whether brightness rises, to the right and downwards."""
    side = HASH_SIDE + 1
    small = np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX), dtype=np.int16)
    right = small[:HASH_SIDE, 1:] > small[:HASH_SIDE, :-1]
    down = small[1:, :HASH_SIDE] > small[:-1, :HASH_SIDE]
    return int.from_bytes(np.packbits(np.concatenate([right.ravel(), down.ravel()])).tobytes(), "big")

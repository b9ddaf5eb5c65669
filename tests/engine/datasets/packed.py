"""Small datasets for the tests, made in memory: pictures, label lines and a data.yaml in one zip."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = "names: [circle, square]\n"


def picture(seed=0, *, size=(64, 48), form="JPEG", mode="RGB", **saved):
    """An image file of smooth random colours: two seeds look different, one seed always looks the same."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).convert(mode).save(buffer, format=form, **saved)
    return buffer.getvalue()


def packed(path: Path, files, *, compression=zipfile.ZIP_STORED):
    """A zip of the files, a mapping from name to bytes or text. Returns its path."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def dataset(labels=("0 0.5 0.5 0.2 0.2\n",), *, split="val", names=NAMES, **more):
    """The files of a good dataset with one image for each label text; `more` adds or (None) removes files."""
    files = {"data.yaml": f"train: images/{split}\nval: images/{split}\n{names}"}
    for number, text in enumerate(labels):
        files[f"images/{split}/{number:03}.jpg"] = picture(number)
        if text is not None:
            files[f"labels/{split}/{number:03}.txt"] = text
    files.update(more)
    return {name: content for name, content in files.items() if content is not None}

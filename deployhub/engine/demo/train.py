"""Train the demo detector: YOLOv8n from scratch on the generated shapes.

    python -m deployhub.engine.demo.train --shapes DIR --work DIR --out shapes-yolov8n.pt --epochs 70

Training uses the processor only and downloads nothing; it begins with random weights.
"""

import argparse
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

# Ultralytics reads these when it is imported: it must neither download nor install anything.
os.environ["YOLO_OFFLINE"] = "1"
os.environ["YOLO_AUTOINSTALL"] = "false"

IMAGE_SIZE_PX = 160
EPOCHS = 70
BATCH_IMAGES = 16
SEED = 1
ARCHITECTURE = "yolov8n.yaml"
RUN_NAME = "shapes"

# What a checkpoint says about the machine and the checkout it was made on; the demo model is given
# to others, so these are replaced by names that mean the same everywhere.
NEUTRAL_ARGUMENTS = {
    "data": "data.yaml",
    "model": ARCHITECTURE,
    "project": "runs",
    "name": RUN_NAME,
    "save_dir": f"runs/{RUN_NAME}",
    "device": "cpu",
}


def model_train(*, shapes: Path, work: Path, epochs: int, threads: int) -> Path:
    """Train on the dataset folder `shapes`; returns the best checkpoint inside `work`.

    threads: how many processor threads PyTorch may use.
    """
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(threads)
    model = YOLO(ARCHITECTURE, task="detect")
    model.train(
        data=str(shapes.resolve() / "data.yaml"),
        epochs=epochs,
        imgsz=IMAGE_SIZE_PX,
        batch=BATCH_IMAGES,
        seed=SEED,
        deterministic=True,
        device="cpu",
        workers=0,
        cache="ram",
        amp=False,
        plots=False,
        pretrained=False,
        optimizer="AdamW",
        lr0=0.002,
        cos_lr=True,
        # Half of the images stay whole: shapes cut by a mosaic's seams are not what the model will see.
        mosaic=0.5,
        close_mosaic=min(10, epochs // 3),
        flipud=0.5,
        fliplr=0.5,
        project=str(work.resolve()),
        name=RUN_NAME,
        exist_ok=True,
        val=True,
    )
    return work / RUN_NAME / "weights" / "best.pt"


def checkpoint_neutralise(*, source: Path, out: Path) -> int:
    """Rewrite a trained checkpoint without optimiser, machine paths and checkout; returns its size in bytes.

    Weights are stored in half precision, as Ultralytics does.
    """
    import torch
    from ultralytics.utils.torch_utils import strip_optimizer

    checkpoint: dict[str, Any] = strip_optimizer(str(source), s=os.devnull)
    checkpoint["git"] = None
    checkpoint["train_args"] = {**checkpoint["train_args"], **_kept(checkpoint["train_args"])}
    arguments = dict(checkpoint["model"].args)
    checkpoint["model"].args = {**arguments, **_kept(arguments)}
    torch.save(checkpoint, out)
    return out.stat().st_size


def _kept(arguments: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in NEUTRAL_ARGUMENTS.items() if key in arguments}


def model_evaluate(*, weights: Path, archive: Path) -> dict[str, float]:
    """Measure a model on a dataset zip made by `shapes`; returns mAP50, mAP50-95, precision and recall, 0..1."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        metrics = YOLO(str(weights)).val(
            data=str(Path(folder) / "data.yaml"),
            imgsz=IMAGE_SIZE_PX,
            batch=BATCH_IMAGES,
            device="cpu",
            workers=0,
            plots=False,
            verbose=False,
            project=folder,
        )
    box = metrics.box
    figures = {"map50": box.map50, "map50_95": box.map, "precision": box.mp, "recall": box.mr}
    return {name: round(float(value), 4) for name, value in figures.items()}


def main(arguments: list[str] | None = None) -> int:
    """Train, neutralise and measure, as the command line asks."""
    parser = argparse.ArgumentParser(
        prog="python -m deployhub.engine.demo.train", description="Train the demo detector."
    )
    parser.add_argument("--shapes", type=Path, required=True, help="dataset folder written by demo.shapes")
    parser.add_argument("--work", type=Path, required=True, help="folder for what training leaves behind")
    parser.add_argument("--out", type=Path, required=True, help="where to write the finished weights")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--threads", type=int, default=2, help="processor threads (default 2)")
    options = parser.parse_args(arguments)
    best = model_train(
        shapes=options.shapes, work=options.work, epochs=options.epochs, threads=options.threads
    )
    size_bytes = checkpoint_neutralise(source=best, out=options.out)
    figures = model_evaluate(weights=options.out, archive=Path(__file__).parent / "shapes-evaluation.zip")
    sys.stdout.write(json.dumps({"size_bytes": size_bytes, **figures}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

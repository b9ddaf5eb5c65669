"""The only path by which a checkpoint is unpickled: weights_only, inside the confined process."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from deployhub.engine.intake.inspector import inspect_file
from deployhub.engine.spec import EngineError, ErrorCode

# CVE-2025-32434 and CVE-2026-24747 broke weights_only loading below this.
TORCH_VERSION_MIN = (2, 10)
PARAMETERS_MAX = 2_000_000_000
CLASSES_MAX = 100_000
_ACTIVATION = re.compile(
    r"(torch\.)?nn\.(SiLU|ReLU|ReLU6|LeakyReLU|Hardswish|Hardsigmoid|Mish|GELU|ELU|SELU|CELU|PReLU|Sigmoid|Tanh"
    r"|Softplus|Identity)\(((inplace|negative_slope|alpha)\s*=\s*)?(True|False|[0-9.]{1,12})?\)\Z"
)
_SIZE_MAX = 1_000_000
_TRAINED_HINT = "Upload a .pt file that Ultralytics saved during training, such as best.pt."


def loader_require_safe() -> None:
    """Refuse to go on unless loading is really restricted, now and for rebuilt models too.

    Ultralytics turns a safe load silently into an unsafe one where torch is too old, so the switch,
    the version and the loader's own flag are each checked. Raises EngineError unsafe_loader.
    """
    import torch
    import ultralytics.utils
    from ultralytics.nn import tasks

    reasons = []
    numbers = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < TORCH_VERSION_MIN:
        reasons.append(f"torch {torch.__version__} is older than {'.'.join(map(str, TORCH_VERSION_MIN))}")
    loader = getattr(tasks, "_SafeLoad", None)
    if loader is None or loader.SUPPORTED is not True or not loader.restricted():
        reasons.append("this Ultralytics has no restricted loader that works here")
    if os.environ.get("ULTRALYTICS_SAFE_LOAD") != "1" or not getattr(ultralytics.utils, "SAFE_LOAD", False):
        reasons.append("ULTRALYTICS_SAFE_LOAD was not set before Ultralytics was imported")
    if reasons:
        raise EngineError(
            ErrorCode.UNSAFE_LOADER,
            "This worker can't open model files safely, so it refused the job.",
            f"An administrator must repair the engine's environment: {'; '.join(reasons)}.",
        )


def pt_load(path: Path) -> tuple[Any, dict[str, Any]]:
    """Load a checkpoint with the restricted loader. Returns (model in float32, checkpoint).

    Inspects the file first, whoever calls. Raises EngineError: unsafe_loader, malicious_model,
    not_a_yolo_model, invalid_model, invalid_weights, corrupt_file.
    """
    inspect_file(path)
    loader_require_safe()
    checkpoint = _checkpoint_load(path)
    model: Any = checkpoint.get("ema") or checkpoint.get("model") if isinstance(checkpoint, dict) else None
    from torch import nn

    description: Any = getattr(model, "yaml", None)
    if not isinstance(model, nn.Module) or not isinstance(description, dict):
        raise _no_model()
    _description_check(description)
    _classes_check(model)
    _weights_check(model)
    return _model_complete(model, checkpoint, path), checkpoint


def _model_complete(model: Any, checkpoint: dict[str, Any], path: Path) -> Any:
    """What Ultralytics' own `load_checkpoint` sets on a model, on the one that was checked here."""
    import torch
    from torch import nn
    from ultralytics.nn.tasks import guess_model_task
    from ultralytics.utils import DEFAULT_CFG_DICT

    arguments = checkpoint.get("train_args")
    model.args = {**DEFAULT_CFG_DICT, **(arguments if isinstance(arguments, dict) else {})}
    model.pt_path = str(path)
    model.task = getattr(model, "task", None) or guess_model_task(model)
    if not hasattr(model, "stride"):
        model.stride = torch.tensor([32.0])
    model = model.float().eval()
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = True
        elif isinstance(module, nn.Upsample) and not hasattr(module, "recompute_scale_factor"):
            module.recompute_scale_factor = None  # saved by a torch older than 1.11
    return model


def _checkpoint_load(path: Path) -> Any:
    from ultralytics.nn.tasks import torch_safe_load

    try:
        checkpoint, _file = torch_safe_load(str(path), safe_only=True)
    except MemoryError:
        raise
    except Exception as refused:
        text = str(refused)
        if "allocate memory" in text:
            raise
        if isinstance(
            refused, AttributeError
        ):  # Ultralytics takes any object for a model and asks for its parts
            raise _no_model() from refused
        if "outside the supported" in text or "weights_only" in text.lower() or "restricted" in text:
            raise EngineError(
                ErrorCode.MALICIOUS_MODEL,
                "This file asks for something that the restricted loader does not allow. It was refused.",
                "Save the model again with the current Ultralytics, and upload that file.",
            ) from refused
        raise EngineError(
            ErrorCode.CORRUPT_FILE,
            "The model file can't be opened: it is damaged or was saved by an Ultralytics that is too old or too new.",
            "Save the model again with the current Ultralytics, and upload that file.",
        ) from refused
    return checkpoint


def _no_model() -> EngineError:
    return EngineError(
        ErrorCode.NOT_A_YOLO_MODEL,
        "The file opens, but there is no YOLO model in it, only weights or other values.",
        _TRAINED_HINT,
    )


def _invalid(detail: str) -> EngineError:
    return EngineError(ErrorCode.INVALID_MODEL, detail, _TRAINED_HINT)


def _description_check(description: dict[str, Any]) -> None:
    """The yaml inside a checkpoint is the attacker's too: a rebuild would evaluate or allocate what it says."""
    activation = description.get("activation")
    if activation is not None and not (isinstance(activation, str) and _ACTIVATION.match(activation.strip())):
        raise EngineError(
            ErrorCode.MALICIOUS_MODEL,
            f"This file tries to run “{str(activation)[:80]}” as an activation function. It was refused.",
            "Get the model from its author again, and don't open this file anywhere.",
        )
    pending: list[Any] = [description]
    seen = 0
    while pending:
        value = pending.pop()
        seen += 1
        if seen > 100_000:
            raise _invalid("The model's description is larger than any model needs.")
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
        elif _is_absurd(value):
            raise _invalid("The model's description asks for a layer of an absurd size.")


def _is_absurd(value: Any) -> bool:
    # Some descriptions say "no limit" by infinity; nothing allocates that.
    return isinstance(value, int | float) and abs(value) > _SIZE_MAX and value != float("inf")


def _classes_check(model: Any) -> None:
    names = getattr(model, "names", None)
    count = model.yaml.get("nc")
    if not isinstance(names, dict | list) or len(names) == 0 or count == 0:
        raise _invalid("The model has no classes.")
    if len(names) > CLASSES_MAX:
        raise _invalid("The model has more classes than any model needs.")


def _weights_check(model: Any) -> None:
    import torch

    # Bounded first: a tensor may claim any size over a tiny storage, and a copy would pay for it.
    total = sum(tensor.numel() for tensor in model.state_dict().values())
    if total == 0 or total > PARAMETERS_MAX:
        raise _invalid("The model has no weights, or more than any model needs.")
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise EngineError(
                ErrorCode.INVALID_WEIGHTS,
                f"The weights of the layer “{name[:120]}” hold values that are not numbers (NaN or infinity).",
                "Training went wrong or the file is damaged: upload a checkpoint from an earlier epoch.",
            )

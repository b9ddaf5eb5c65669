"""TensorFlow SavedModel and frozen GraphDef, run by TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployhub.engine.plugin import ExportRequest, Format, NamedOutput, Runner
from deployhub.engine.yolo_export import FixedOptions, yolo_export

if TYPE_CHECKING:
    from deployhub.engine.plugin import Images

# onnx2tf compares its layers on sample images, which Ultralytics would download; any images of this shape serve.
SAMPLES_NAME, SAMPLES_SHAPE = "calibration_image_sample_data_20x128x128x3_float32.npy", (20, 128, 128, 3)


def _samples_write(request: ExportRequest) -> None:
    import numpy as np

    samples = np.random.default_rng(request.seed).random(SAMPLES_SHAPE, dtype=np.float32)
    np.save(request.folder / SAMPLES_NAME, samples)


def _named(answers: list[Any]) -> list[NamedOutput]:
    """Predictions first; mask prototypes from channels-last to the order of the source."""
    import numpy as np

    values = sorted((np.array(answer, dtype=np.float32) for answer in answers), key=lambda value: value.ndim)
    return [
        NamedOutput(f"output{index}", value.transpose(0, 3, 1, 2) if value.ndim == 4 else value)
        for index, value in enumerate(values)
    ]


class SavedModelRunner(Runner):
    runtime = "tensorflow"

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self.version = tf.__version__
        self._tf = tf
        self._model = tf.saved_model.load(str(folder))
        self._function = self._model.signatures["serving_default"]

    def run(self, images: Images) -> list[NamedOutput]:
        name = next(iter(self._function.structured_input_signature[1]))
        answers = self._function(**{name: self._tf.constant(images.transpose(0, 2, 3, 1))})
        return _named([answers[key].numpy() for key in sorted(answers)])


class SavedModel(Format):
    key = "saved_model"
    label = "TensorFlow SavedModel"
    description = "A folder for TensorFlow Serving and TensorFlow programs; channels come last."
    suffix = "_saved_model"
    layout = "folder"
    runtimes = ("tensorflow",)
    precisions = ("fp32",)
    packages = ("ultralytics", "torch", "tensorflow", "onnx2tf")
    toolchain = "tensorflow"
    Options = FixedOptions

    def export(self, request: ExportRequest) -> Path:
        _samples_write(request)
        folder = yolo_export(request, format="saved_model")
        for extra in folder.glob("*.tflite"):
            extra.unlink()
        return folder

    def open(self, path: Path, *, options: Any) -> Runner:
        return SavedModelRunner(path)


class GraphDefRunner(Runner):
    runtime = "tensorflow"

    def __init__(self, path: Path) -> None:
        import tensorflow as tf
        from ultralytics.utils.export.tensorflow import gd_outputs

        self.version = tf.__version__
        self._tf = tf
        graph = tf.Graph().as_graph_def()
        graph.ParseFromString(path.read_bytes())
        wrapped = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph, name=""), [])
        element = wrapped.graph.as_graph_element
        self._function = wrapped.prune(
            tf.nest.map_structure(element, "x:0"), tf.nest.map_structure(element, gd_outputs(graph))
        )

    def run(self, images: Images) -> list[NamedOutput]:
        answers = self._function(x=self._tf.constant(images.transpose(0, 2, 3, 1)))
        listed = list(answers) if isinstance(answers, list | tuple) else [answers]
        return _named([answer.numpy() for answer in listed])


class GraphDef(Format):
    key = "pb"
    label = "TensorFlow GraphDef"
    description = "One frozen graph for older TensorFlow programs; channels come last."
    suffix = ".pb"
    runtimes = ("tensorflow",)
    precisions = ("fp32",)
    packages = ("ultralytics", "torch", "tensorflow", "onnx2tf")
    toolchain = "tensorflow"
    Options = FixedOptions

    def export(self, request: ExportRequest) -> Path:
        _samples_write(request)
        return yolo_export(request, format="pb")

    def open(self, path: Path, *, options: Any) -> Runner:
        return GraphDefRunner(path)


FORMAT = [SavedModel(), GraphDef()]

"""Settings of `data`: where examples come from, how they are split, and what each input and target is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_serializer

from dlkit.config.schema.base import FilePath, Finite, KerasObject, Positive, PositiveFloat, Section


class TfdsSource(Section):
    """A data set of the TensorFlow Datasets catalogue."""

    kind: Literal["tfds"]
    name: str = Field(
        min_length=1, description="Name in the catalogue, with version if wanted: `mnist` or `mnist:3.0.1`."
    )
    data_dir: FilePath | None = Field(
        None, description="Folder of prepared sets; by default that of tensorflow-datasets."
    )
    download: bool = Field(True, description="Download and prepare the set when there is no copy on this machine.")


class BundledSource(Section):
    """A real data set that ships with dlkit and needs no network."""

    kind: Literal["bundled"]
    name: Literal["mnist"] = Field(description="Name of the set.")


class NpzSource(Section):
    """NumPy arrays in one `.npz` file, named `<field>_<split>`, as in `x_train`, `y_train`, `x_test`, `y_test`."""

    kind: Literal["npz"]
    path: FilePath = Field(description="The file; a relative path starts at the configuration's folder.")


Source = Annotated[TfdsSource | BundledSource | NpzSource, Field(discriminator="kind")]


class Splits(Section):
    """Which examples train, validate and test. Written as TFDS slices: `train[:90%]`, `train[90%:]+extra`."""

    train: str = Field("train", min_length=1, description="Examples the weights are fitted on.")
    validation: str | None = Field(None, min_length=1, description="Examples that choose the best epoch.")
    test: str | None = Field(None, min_length=1, description="Examples that are used once, at the end.")


def step_from_word(value: Any) -> Any:
    """Read `rescale`, `{rescale: {scale: 0.5}}` alike, as a mapping with the step's name under `step`."""
    if isinstance(value, str):
        return {"step": value}
    if isinstance(value, dict) and len(value) == 1 and "step" not in value:
        ((name, settings),) = value.items()
        if settings is None or isinstance(settings, dict):
            return {"step": name, **(settings or {})}
    return value


class Step(Section):
    """One step of a list, written as its name or as `{name: {settings}}`, and printed so."""

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        settings = handler(self)
        name = settings.pop("step")
        return {name: settings} if settings else name


class Rescale(Step):
    """Multiply by `scale`, then add `offset` (keras.layers.Rescaling)."""

    step: Literal["rescale"]
    scale: Finite = Field(1 / 255, description="Factor; the default brings 8-bit pixels into 0..1.")
    offset: Finite = Field(0.0, description="Added after the multiplication.")


class Normalize(Step):
    """Subtract the mean and divide by the standard deviation of the training split (keras.layers.Normalization)."""

    step: Literal["normalize"]
    axis: int | None = Field(-1, description="Axis that keeps its own mean and deviation; null for one of each.")


class Resize(Step):
    """Bring every image to one size (keras.layers.Resizing)."""

    step: Literal["resize"]
    height: Positive = Field(description="Height in pixels.")
    width: Positive = Field(description="Width in pixels.")
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"] = Field(
        "bilinear", description="How new pixels are computed."
    )
    crop_to_aspect_ratio: bool = Field(False, description="Crop the longer side instead of distorting the image.")
    pad_to_aspect_ratio: bool = Field(False, description="Pad the shorter side instead of distorting the image.")


ImageStep = Annotated[
    Annotated[Rescale | Normalize | Resize, Field(discriminator="step")], BeforeValidator(step_from_word)
]
NumberStep = Annotated[Annotated[Rescale | Normalize, Field(discriminator="step")], BeforeValidator(step_from_word)]


def _rescaled() -> list[Rescale | Normalize | Resize]:
    return [Rescale(step="rescale")]


def _normalized() -> list[Rescale | Normalize]:
    return [Normalize(step="normalize")]


class RandomStep(KerasObject):
    """A random Keras image layer, active in training alone: `random_flip`, `{random_rotation: {factor: 0.1}}`."""

    category = "random_layers"
    reserved = frozenset({"data_format", "value_range"})

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        settings = handler(self)
        name = settings.pop("name")
        return {name: settings} if settings else name


def random_step_from_word(value: Any) -> Any:
    """As `step_from_word`, with the layer's name under `name`."""
    read = step_from_word(value)
    if isinstance(read, dict) and "step" in read:
        read = {"name": read["step"], **{k: v for k, v in read.items() if k != "step"}}
    return read


class Input(Section):
    """What every input has."""

    field: str | None = Field(
        None, description="Name of the field in the source, where it differs from the input's own."
    )
    shape: list[Annotated[int, Field(gt=0)] | None] | None = Field(
        None, description="Shape of one example, where the source does not tell; null for a size that varies."
    )


class ImageInput(Input):
    """Images: height, width, channels."""

    kind: Literal["image"]
    preprocess: list[ImageStep] = Field(default_factory=_rescaled, description="Steps in order.")
    augment: list[Annotated[RandomStep, BeforeValidator(random_step_from_word)]] = Field(
        default_factory=list, description="Random Keras layers, applied after `preprocess`, to training batches alone."
    )


class NumberInput(Input):
    """Numbers: one, a vector, or an array of fixed shape."""

    kind: Literal["number"]
    preprocess: list[NumberStep] = Field(default_factory=_normalized, description="Steps in order.")


class SequenceInput(Input):
    """Time series of fixed length: steps, channels."""

    kind: Literal["sequence"]
    preprocess: list[NumberStep] = Field(default_factory=_normalized, description="Steps in order.")


AnyInput = Annotated[ImageInput | NumberInput | SequenceInput, Field(discriminator="kind")]


class Target(Section):
    """What every target has."""

    field: str | None = Field(
        None, description="Name of the field in the source, where it differs from the target's own."
    )


class CategoryTarget(Target):
    """One class of several, as integers from 0."""

    kind: Literal["category"]
    classes: Annotated[int, Field(ge=2)] | Annotated[list[str], Field(min_length=2)] | None = Field(
        None, description="Number of classes or their names, where the source does not tell."
    )


class BinaryTarget(Target):
    """Yes or no, as 1 or 0."""

    kind: Literal["binary"]
    classes: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Names of the two classes, that of 0 first."
    )


class NumberTarget(Target):
    """A number, or a vector of them, to be predicted."""

    kind: Literal["number"]
    unit: str | None = Field(None, description="Unit of the numbers, carried into results and reports.")


AnyTarget = Annotated[CategoryTarget | BinaryTarget | NumberTarget, Field(discriminator="kind")]


class Data(Section):
    """Where examples come from and what they are."""

    source: Source | None = Field(
        None, description="Where examples come from; not needed when arrays are given in Python."
    )
    splits: Splits | None = Field(
        None, description="Which examples train, validate and test; by default the source's splits of those names."
    )
    inputs: dict[str, AnyInput] = Field(min_length=1, description="What the model sees, by name.")
    targets: dict[str, AnyTarget] = Field(min_length=1, description="What the model predicts, by name.")
    batch_size: Positive = Field(32, description="Examples per update of the weights, over all replicas.")
    shuffle: bool = Field(True, description="A new order of the training examples in each epoch, from the seed.")
    shuffle_buffer: Positive = Field(
        10_000, description="Examples held for shuffling a stream, a source that cannot be indexed."
    )
    feed: Literal["auto", "device", "pipeline"] = Field(
        "auto",
        description="How batches reach the model: from arrays held on the device, or through tf.data; by size if auto.",
    )
    device_limit: PositiveFloat = Field(
        1024.0, description="Largest size in MiB of data that `feed: auto` holds on the device."
    )

"""`kind: image`: pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.files import read_bytes
from dlkit.inputs import _numbers
from dlkit.inputs._decode_image import MODES, MOST_BYTES, decode_image
from dlkit.inputs._decode_in_graph import decode_in_graph, decode_plain, has_plain, is_plain
from dlkit.inputs._image_recipe import flips, recipe, size_for
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.features import Encoding, Feature, Shape, in_words
from dlkit.schema.guess import Guess, Option, Sample
from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomStep
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.rescale import Rescale
from dlkit.steps.resize import Resize

np, tf = lazy("numpy"), lazy("tensorflow")

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config

    Step = StepSettings
else:
    Step = steps_for(("height", "width", "channels"))


_Byte = Annotated[int, Field(ge=0, le=255)]
_BITS = {"uint8": 8, "uint16": 16}
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}


def _default() -> list[StepSettings]:
    return [Rescale(step="rescale")]


class ImageInput(InputSettings):
    """Images: height, width, channels."""

    also_called = "img, picture, images"
    axes = ("height", "width", "channels")
    scaling_step = "rescale"
    usual_builder = "cnn"
    example_file = "image.png"
    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
    encodings = ("image",)
    pictured = True
    augmentation = "{random_translation: {height_factor: 0.1, width_factor: 0.1}}"

    kind: Literal["image"]
    channels: Literal[1, 3] | None = Field(
        None, description="1 for gray, 3 for colours; null for 1 where all image files are gray, else 3."
    )
    bits: Literal[8, 16] | None = Field(
        None, description="Bits of each channel of image files; null for 16 where a file has 16, else 8."
    )
    background: Literal["white", "black"] | Annotated[list[_Byte], Field(min_length=3, max_length=3)] = Field(
        "white", description="What shows through transparent pixels of image files: a word, or `[red, green, blue]`."
    )
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
    augment: list[AnyRandomStep] = Field(
        default_factory=list, description="Random Keras layers, applied after `preprocess`, to training batches alone."
    )

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Image files, or arrays of height, width and channels; resized where files differ in size or are large."""
        values, known = column.values, "image" in (column.field.encoding, column.field.hint)
        pixels = (values.ndim == 4 and values.shape[3] in (1, 3)) or (values.ndim == 3 and values.dtype == "uint8")
        if not known and not pixels:
            return None
        (height, width), change = size_for(column)
        settings: dict[str, Any] = {"kind": "image"}
        reason = change or f"images of {in_words((height, width))}, as they are"
        steps: list[Any] = [{"resize": {"height": height, "width": width}}] if change else []
        scaling = "normalize" if column.field.decoded == "uint16" else "rescale"
        if steps or scaling != "rescale":
            settings["preprocess"] = [*steps, scaling]
        shift = {"random_translation": {"height_factor": 0.06, "width_factor": 0.06}}
        why = flips(column.labels)
        flipped = [shift, {"random_flip": {"mode": "horizontal"}}]
        settings["augment"] = [shift] if why else flipped
        no_flip = Option("augment", [shift], "without the mirrored images, if left and right mean something")
        options = (Option("augment", flipped, why) if why else no_flip,)
        return Guess(0.9, settings, reason, recipe=recipe(column.rows, height, width), options=options)

    def feature(self, name: str, column: SourceField) -> Feature:
        """Height, width and channels. Files are uint8, or uint16 where asked for or found; arrays uint8 if the source
        has them so, else float32. Height and width of arrays may vary; files need a step that gives them one size.
        """
        if column.encoding:
            return self._of_files(name, column)
        shape = _numbers.shape_of(self, name, column)
        if shape[-1] is None:
            message = f"the source does not say how many channels `{name}` has"
            help = "state it, as in `shape: [null, null, 3]`"
            raise ConfigError(Problem("shape-unknown", message, self.key_of(name), help=help))
        self._refuse_settings_of_files(name, shape, column.dtype)
        dtype = column.dtype if column.dtype == "uint8" or (column.dtype, self.bits) == ("uint16", 16) else "float32"
        return Feature(name, self.kind, shape, dtype)

    def _of_files(self, name: str, column: SourceField) -> Feature:
        """What `decode` makes of files."""
        found = column.shape if column.shape is not None and len(column.shape) == 3 else (None, None, None)
        stated = self.shape[2] if self.shape is not None and len(self.shape) == 3 else None
        pixels = replace(column, dtype="uint8", shape=(*found[:2], self.channels or stated or found[2] or 3))
        feature = Feature(name, self.kind, _numbers.shape_of(self, name, pixels), self._dtype_of_files(column))
        if feature.shape[2] not in MODES:
            message = f"no image file has {feature.shape[2]:,} channels"
            raise ConfigError(Problem("shape-mismatch", message, (*self.key_of(name), "shape"), help="1 or 3"))
        prepared = Encoding(feature.shape, feature.dtype, self.axes)
        for step in self.preprocess:
            prepared = step.encoding(prepared)
        if None in prepared.shape:
            steps = "".join(f", {step.step}" for step in self.preprocess)
            message = f"the images of `{name}` differ in size, and no step of `preprocess` gives them one"
            help = f"write `preprocess: [{{resize: {{height: 128, width: 128}}}}{steps}]`, with a size that suits them"
            raise ConfigError(Problem("image-sizes", message, (*self.key_of(name), "preprocess"), help=help))
        if feature.dtype == "uint16" and any(isinstance(step, Rescale) and step.scales() for step in self.preprocess):
            message = f"the images of `{name}` have 16 bits, and `rescale` divides by 255"
            help = "write `preprocess: [normalize]`, which scales by the training images, or `bits: 8`"
            raise ConfigError(Problem("image-depth", message, (*self.key_of(name), "preprocess"), help=help))
        return feature

    def _dtype_of_files(self, column: SourceField) -> str:
        return "uint16" if self.bits == 16 or (self.bits is None and column.decoded == "uint16") else "uint8"

    def _refuse_settings_of_files(self, name: str, shape: Shape, dtype: str) -> None:
        """Refuse settings of image files that arrays contradict."""
        for setting, stated, found in (("channels", self.channels, shape[-1]), ("bits", self.bits, _BITS.get(dtype))):
            if stated not in (None, found):
                message = f"`{name}` reads arrays of {dtype} with {shape[-1]} channels, not image files"
                help = f"leave `{setting}` out, or convert the arrays in the source"
                raise ConfigError(Problem("contradiction", message, (*self.key_of(name), setting), help=help))

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """`channels` and `shape` agree."""
        yield from super().rules(name, config)
        if self.channels and self.shape and len(self.shape) == 3 and self.shape[2] not in (None, self.channels):
            message, key = f"`shape` says {self.shape[2]} channels", (*self.key_of(name), "channels")
            yield Problem("contradiction", message, key, label="keep one of them")

    def without_source(self, name: str) -> Feature | None:
        """Pixels of the stated shape and bits."""
        return None if self.shape is None else self.feature(name, SourceField(None, f"uint{self.bits or 8}"))

    def encoding(self, bound: Input) -> Encoding:
        """Of pixels; of arrays of floats nobody knows what black and white are."""
        pixels = (0.0, 2.0 ** _BITS[bound.dtype] - 1) if bound.dtype in _BITS else None
        return replace(super().encoding(bound), pixels=pixels)

    def random_layers(self) -> list[Any]:
        """Those of `augment`."""
        return list(self.augment)

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Numbers of the feature's dtype and shape, all finite."""
        return _numbers.checked(values, feature, place)

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape."""
        return _numbers.example(value, feature)

    def decode(self, stored: str | bytes, feature: Feature) -> Any:
        """The pixels of an image file, turned by its EXIF data, transparent pixels on `background`.

        Raises:
            ValueError: if it is not a whole image, or of another size than the feature.
        """
        image = self._decoded(stored, feature)
        if any(size not in (None, found) for size, found in zip(feature.shape, image.shape, strict=True)):
            message = f"it is {in_words(image.shape[:2])}, and {in_words(feature.shape[:2])} is expected"
            raise ValueError(message)
        return image

    def decode_in_graph(self, content: Any, feature: Feature) -> Any:
        """As `decode`; what is not a plain JPEG file is left to it."""
        channels = feature.shape[2] or 3
        found = decode_in_graph(content, channels, feature.dtype, lambda held: self._decoded(held, feature))
        return tf.ensure_shape(found, feature.shape)

    def has_plain(self, feature: Feature) -> bool:
        """Those of 8 bits, with or without colours."""
        return has_plain(feature.shape[2] or 3, feature.dtype)

    def plain(self, stored: str | bytes, feature: Feature) -> bytes | None:
        """The content of a JPEG file that needs nothing but decoding; None for any other, and where it is not read."""
        try:
            content = _content(stored)
        except (OSError, ValueError):
            return None
        return content if is_plain(content, feature.shape[2] or 3) else None

    def decode_plain(self, content: Any, feature: Feature) -> Any:
        """The pixels of a plain JPEG file."""
        return tf.ensure_shape(decode_plain(content, feature.shape[2] or 3), feature.shape)

    def _decoded(self, stored: str | bytes, feature: Feature) -> Any:
        red, green, blue = COLOURS[self.background] if isinstance(self.background, str) else self.background
        try:
            content = _content(stored)
        except OSError as error:
            raise ValueError(f"it cannot be read ({error.strerror})") from error
        return decode_image(content, feature.shape[2], bits=_BITS[feature.dtype], background=(red, green, blue))

    def summary(self, values: Any, bound: Input) -> looking.Summary:
        """Their sizes, and the figures of the pixels."""
        if values.dtype != object:
            return [("sizes", {in_words(values.shape[1:]): len(values)}), *looking.of_numbers(values)]
        sizes = Counter(in_words(image.shape) for image in values)
        return [("sizes", dict(sizes.most_common())), *looking.of_numbers(_pixels(values))]

    def in_words(self, value: Any, bound: Input) -> str:
        """Size and range."""
        return f"{in_words(value.shape)}, {looking.number(value.min())} to {looking.number(value.max())}"

    def draw(self, axes: Any, value: Any, bound: Input, *, prepared: bool) -> None:
        """The picture."""
        bits = _BITS.get(bound.dtype)
        low, high = (0.0, 2.0**bits - 1) if bits else (float(value.min()), float(value.max()))
        if prepared:
            known = bits == 8 and not any(step.fitted for step in self.preprocess)
            low, high = self.value_range() if known else (float(value.min()), float(value.max()))
        looking.picture(axes, value, low, high)

    def from_file(self, path: Path, feature: Feature) -> Any:
        """The pixels of an image file; resized where a step of the model resizes what it is given.

        Raises:
            RunError: if it is not a whole image, or none of the size or scale that the model takes.
        """
        if len(feature.shape) != 3:
            raise _unusable(f"the model takes examples of {in_words(feature.shape)}, not images", "give arrays")
        if feature.dtype not in _BITS:
            message = f"the model was trained on {feature.dtype} images, whose scale is unknown"
            raise _unusable(message, "give arrays, scaled as in training: .npy or .npz")
        try:
            image = self._decoded(str(path), feature)
        except ValueError as error:
            raise _unusable(f"it is not a whole image ({error})") from error
        height, width, _ = feature.shape
        if height in (None, image.shape[0]) and width in (None, image.shape[1]):
            return image
        resize = next((step for step in self.preprocess if isinstance(step, Resize)), None)
        if resize is None or height is None or width is None:
            message = f"the image is {in_words(image.shape[:2])}, the model takes {in_words(feature.shape[:2])}"
            raise _unusable(message, "resize it, or train with a `resize` step in `preprocess`")
        to_raw = resize.model_copy(update={"height": height, "width": width})
        return np.asarray(to_raw.layer(None)(image[np.newaxis])[0])


def _content(stored: str | bytes) -> bytes:
    return stored if isinstance(stored, bytes) else read_bytes(stored, MOST_BYTES)


def _pixels(images: Any) -> Any:
    return np.concatenate([image.reshape(-1) for image in images])


def _unusable(message: str, help: str = "") -> RunError:
    return RunError(Problem("unusable-input", message, help=help))

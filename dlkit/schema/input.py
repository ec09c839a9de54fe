"""What every input is: the base of the classes in `dlkit/inputs/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.problems import Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.column import ColumnSettings
from dlkit.schema.features import Encoding, Feature
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.registry import Registry
from dlkit.schema.step import StepSettings

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config
    from dlkit.schema.source import SourceField

tf = lazy("tensorflow")


class InputSettings(ColumnSettings):
    """What every input has.

    A new kind is a file in `dlkit/inputs/`, whose class has the file's name as `kind: Literal[...]`.
    """

    group = "inputs"
    # The axes of one example, by name, where the kind has fixed ones.
    axes: ClassVar[tuple[str, ...]] = ()
    # The step that brings values to about 1, for what is proposed where they are not.
    scaling_step: ClassVar[str] = "normalize"
    # The builder that is mostly used for this kind.
    usual_builder: ClassVar[str] = "mlp"
    # Whether examples may differ in length, padded with NaN.
    takes_ragged: ClassVar[bool] = False
    # Encodings of columns that `decode` reads: `image`, `audio`.
    encodings: ClassVar[tuple[str, ...]] = ()
    # Whether `fit` must see the training rows, also those of a stream.
    fitted: ClassVar[bool] = False
    # What a model of tables sees of `as_columns`: numbers, codes whose order says nothing, texts; empty for nothing.
    in_tables: ClassVar[Literal["", "numbers", "codes", "texts"]] = ""
    # A random layer that suits most examples, as YAML; empty where the kind has none.
    augmentation: ClassVar[str] = ""
    # What a file with one example is called, and how names of such files end, where `predict` takes them.
    example_file: ClassVar[str] = ""
    suffixes: ClassVar[tuple[str, ...]] = ()
    from_data, instead_of_data = "shape", "state the shape of one example with `shape:`"

    shape: list[Annotated[int, Field(gt=0)] | None] | None = Field(
        None, description="Shape of one example, where the source does not give it; null for a size that varies."
    )
    preprocess: list[StepSettings] = Field(default_factory=list, description="Steps in order.")

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """How `dlkit init` would have this kind read a column; None where it cannot."""
        return None

    # Values, from a source to a batch.

    def feature(self, name: str, column: SourceField) -> Feature:
        """What examples are, as far as columns and settings alone decide it.

        Args:
            name: of the input.
            column: its columns in the source, side by side; `shape` of the settings must agree with it, and fills in
                what it does not say.

        Raises:
            ConfigError: if the column does not hold what this kind needs, or contradicts the settings.
        """
        raise NotImplementedError

    def check_state(self, state: State, feature: Feature) -> None:
        """Refuse a state that `fit` and the steps cannot have given: under `steps` is what each step learned."""
        super().check_state({key: value for key, value in state.items() if key != "steps"}, feature)
        steps = state.get("steps")
        if not isinstance(steps, list) or len(steps) != len(self.preprocess):
            raise ValueError("`steps` is no list with a state for each step of `preprocess`")
        for step, learned in zip(self.preprocess, steps, strict=True):
            if step.fitted or learned is not None:
                step.check_state(learned)

    def notes(self, values: Any, bound: Input, place: RowPlace) -> list[str]:
        """What is worth a line about the values of a split, as the source has them: what was cut off, or is unknown."""
        return []

    def notes_of_stream(self, bound: Input) -> list[str]:
        """What is worth a line where the examples are a stream, whose other splits are not looked through."""
        return []

    def nan_allowed(self, feature: Feature) -> bool:
        """Whether NaN stands for padding, or for what is missing and is filled in."""
        return feature.ragged or any(step.fills_missing for step in self.preprocess)

    def host_layers(self, bound: Input) -> list[Any]:
        """What comes before every step, on the host: layers that make numbers of text."""
        return []

    def encoding(self, bound: Input) -> Encoding:
        """What the first step is given."""
        feature = bound.feature
        return Encoding(feature.shape, feature.dtype, self.axes, masked=feature.ragged)

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Values of a source as batches hold them: of the feature's dtype and shape, first axis the examples; a view
        where nothing has to change.

        Raises:
            RunError: naming the first row that cannot be used.
        """
        raise NotImplementedError

    def example(self, value: Any, feature: Feature) -> Any:
        """As `values`, for one example of a stream, in TensorFlow ops."""
        raise NotImplementedError

    def as_columns(self, values: Any, bound: Input) -> dict[str, Any]:
        """Values of a split as the columns of a table, for models and checks that see nothing else.

        Args:
            values: as `values` gave them, shape (examples, ...).
            bound: the input, with what the training rows decided.

        Returns:
            By name, shape (examples,): float64 for numbers, NaN for missing ones, and for codes, 0 for unknown ones;
            text for texts. Nothing where `in_tables` is empty.
        """
        return {}

    def column_names(self, bound: Input, width: int) -> list[str]:
        """The names of `width` values of each example: the columns of the source, or numbered."""
        if len(bound.columns) == width:
            return list(bound.columns)
        return [bound.name] if width == 1 else [f"{bound.name}[{number}]" for number in range(width)]

    def decode(self, stored: str | bytes, feature: Feature) -> Any:
        """One example of an encoded column in its raw form: of the feature's dtype and shape, without a batch.

        The same function serves training, `predict` and whatever else reads such files.

        Args:
            stored: the path of a file, or its content.
            feature: what examples are.

        Raises:
            ValueError: saying why it cannot be decoded, without its name.
        """
        raise NotImplementedError(f"`kind: {self.kind}` decodes nothing")

    def decode_in_graph(self, content: Any, feature: Feature) -> Any:
        """As `decode`, to the same bits, inside a program of TensorFlow's.

        Args:
            content: of a file, a string tensor, shape ().
            feature: what examples are.

        Returns:
            A tensor of the feature's dtype and shape. A file that cannot be decoded stops the program.
        """
        found = tf.numpy_function(lambda held: self.decode(held, feature), [content], feature.dtype)
        return tf.ensure_shape(found, feature.shape)

    def has_plain(self, feature: Feature) -> bool:
        """Whether some files of such a feature are plain: `decode_plain` decodes them, where threads share the work."""
        return False

    def plain(self, stored: str | bytes, feature: Feature) -> bytes | None:
        """The content of a file for which `decode_plain` gives the bits of `decode`, or stops; None for any other.

        Args:
            stored: the path of a file, or its content.
            feature: what examples are.
        """
        return None

    def decode_plain(self, content: Any, feature: Feature) -> Any:
        """As `decode_in_graph`, in TensorFlow ops alone, for a plain file."""
        raise NotImplementedError(f"`kind: {self.kind}` has no plain files")

    def from_file(self, path: Path, feature: Feature) -> Any:
        """The only example of a file, as the saved model takes it: of the feature's dtype and shape, without a batch.

        Args:
            path: a file whose name ends in one of `suffixes`.
            feature: what examples are.

        Raises:
            RunError: saying why the file cannot be used.
        """
        message = f"the model takes {self.kind} input, which is not read from `{path.suffix}` files"
        raise RunError(Problem("unusable-input", message, help="give arrays: .npy or .npz"))

    def prepared_axes(self) -> tuple[str, ...]:
        """The axes of an example as the network sees it."""
        return self.axes

    def random_layers(self) -> list[Any]:
        """Settings of the random layers that augment training batches."""
        return []

    def value_range(self) -> tuple[float, float]:
        """Where values lie after the preprocessing steps that lay within those of 8 bits before, for random layers."""
        low, high = 0.0, 255.0
        for step in self.preprocess:
            low, high = step.value_range(low, high)
        return min(low, high), max(low, high)

    def cells(self, raw: Any, prepared: Any, bound: Input) -> list[looking.Cell]:
        """One example as the rows of a table: column, raw value, what the network is given."""
        return looking.cells(raw, prepared, bound.name, bound.columns)

    def draw(self, axes: Any, value: Any, bound: Input, *, prepared: bool) -> None:
        """Draw one example, of a kind that is `pictured`; others are written.

        Args:
            axes: matplotlib's.
            value: of one example.
            bound: the input.
            prepared: whether it is as the network is given it; else as a split holds it.
        """
        axes.text(0.5, 0.5, looking.in_words(value), ha="center", va="center", wrap=True, fontsize=7, parse_math=False)
        axes.set_axis_off()

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """What is wrong with the input of this name, given the whole configuration."""
        yield from super().rules(name, config)
        for number, step in enumerate(self.preprocess):
            yield from step.rules((*self.key_of(name), "preprocess", number), config)
        for number, random in enumerate(self.random_layers()):
            yield from random.rules((*self.key_of(name), "augment", number), config)


INPUTS = Registry("input", InputSettings, "kind", package="dlkit.inputs")

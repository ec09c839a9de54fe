"""What every target is: the base of the classes in `dlkit/targets/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from dlkit.config.phrases import cut
from dlkit.config.problems import Problem
from dlkit.schema.features import Feature
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.measured import MeasuredSettings
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema.source import BaseRows, SourceField


class TargetSettings(MeasuredSettings):
    """What every target has.

    A new kind is a file in `dlkit/targets/`, whose class has the file's name as `kind: Literal[...]`. It says which of
    Keras's losses and metrics fit its labels, how labels of a source become those of a batch (NumPy, on the host), how
    the outputs of the network become results (Keras ops), and how results are put into words.
    """

    group = "targets"
    # What its labels are, as messages say it: "integer classes".
    holds: ClassVar[str] = ""
    # Whether a share of the rows is taken from each of its classes alike.
    stratifies: ClassVar[bool] = False
    # What always predicting `constant` is called.
    constant_is: ClassVar[str] = "always the same"
    from_data, instead_of_data = "classes", "state them with `classes:`"

    @property
    def constant_words(self) -> str:
        """What always predicting `constant` is called with these settings."""
        return self.constant_is

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """How `dlkit init` would have this kind predict a column; None where it cannot."""
        return None

    # Labels, from a source to a batch: NumPy, on the host.

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """What the labels are, as far as columns and settings alone decide it.

        Args:
            name: of the target.
            column: its columns in the source, side by side.
            in_memory: whether whole columns are at hand, so that labels can be looked through.

        Raises:
            ConfigError: if the labels cannot be of this kind, or the settings contradict the source.
        """
        raise NotImplementedError

    def fit_stream(self, feature: Feature) -> State:
        """The state where the training rows are a stream, which is not read for it.

        Raises:
            ConfigError: if the settings have to say more.
        """
        return {}

    def encode(self, labels: Any, target: Target, place: RowPlace) -> Any:
        """Labels of a source as batches hold them: of the feature's dtype and shape, first axis the examples.

        Raises:
            RunError: naming the first row whose label cannot be used.
        """
        raise NotImplementedError

    def encode_example(self, label: Any, target: Target) -> Any:
        """As `encode`, for one example of a stream, in TensorFlow ops; a label that cannot be used stops the stream."""
        raise NotImplementedError

    # Judging.

    def constant(self, target: Target, labels: Any) -> Any:
        """The outputs that fit a batch best, were they the same for every example: shape (units,), TensorFlow ops."""
        raise NotImplementedError

    def predicted(self, target: Target, logits: Any) -> Any | None:
        """The class that each example is said to have: int32, first axis the batch; None where there are no classes."""
        return None

    def chance_loss(self, target: Target) -> tuple[float, str] | None:
        """The kind's own loss of guessing, and words for it; None where nothing can be said."""
        return None

    def are_results(self, outputs: Any) -> bool:
        """Whether the outputs of an untrained network, a NumPy array, are results already, where logits should be."""
        return False

    def scaling(self, name: str) -> str:
        """A setting under which the network predicts values of about 1, as `key: value`; empty where it does."""
        return ""

    def missing(self, target: Target, labels: Any) -> list[str]:
        """The classes that none of these labels of a batch has."""
        return []

    # Other models, for comparison: NumPy, first axis the examples.

    def class_numbers(self, target: Target, labels: Any) -> Any | None:
        """The class of each example, int64, shape (examples,); None where an example has not exactly one."""
        return None

    def from_probabilities(self, target: Target, probabilities: Any) -> Any:
        """Results, as `results` gives them, of probabilities of the classes: float32, shape (examples, classes)."""
        return probabilities

    def from_numbers(self, target: Target, numbers: Any) -> Any:
        """Results of what `numbers` gave, as a model predicts it: float32, shape (examples, units)."""
        return numbers

    def numbers(self, target: Target, labels: Any) -> Any | None:
        """What is predicted, float64, shape (examples, units), as results have it; None where that are no numbers."""
        return None

    def unfitted(self, target: Target, base: BaseRows, rows: Any) -> dict[str, Any]:
        """Predictions that need no fitting, such as a repetition of the past.

        Args:
            target: what is predicted.
            base: the rows that the examples cover.
            rows: numbers of the examples, int64, shape (examples,).

        Returns:
            By what they are called: results as `results` gives them, float32, shape (examples, units).
        """
        return {}

    # Results in words.

    def record(self, target: Target, result: Any) -> dict[str, Any]:
        """One row of results as JSON has it: `class`, `probability` and `probabilities`, or `value`."""
        raise NotImplementedError

    def ranked(self, target: Target, result: Any, count: int = 3) -> list[tuple[str, Any]]:
        """One row of results as names and figures, the likeliest first; numbers have no names."""
        raise NotImplementedError

    def label(self, target: Target, label: Any) -> Any:
        """One label of a batch as JSON has it."""
        raise NotImplementedError

    def in_words(self, value: Any, bound: Target) -> str:
        """One label in a line."""
        label = self.label(bound, value)
        return ", ".join(map(str, label)) or "none" if isinstance(label, list) else str(label)

    def draw(self, axes: Any, label: Any, target: Target) -> None:
        """Add one label to axes of matplotlib's that show an input of its example: to the title, by default."""
        words = cut(self.in_words(label, target), 24)
        title = axes.get_title()
        axes.set_title(f"{title}, {words}" if title else words, fontsize=7, pad=2, parse_math=False)

    def compatible(self, trained: Target, given: Target) -> Iterator[Problem]:
        """What keeps a model that was trained for one target from being judged on another of the same kind."""
        yield from ()

    # For the kinds.

    def made_feature(self, name: str, shape: tuple[int | None, ...], dtype: str, classes: tuple[str, ...]) -> Feature:
        """A feature of this kind."""
        return Feature(name, self.kind, shape, dtype, tuple(classes))


TARGETS = Registry("target", TargetSettings, "kind", package="dlkit.targets")

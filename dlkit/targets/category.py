"""`kind: category`: one class of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.labels import must_be_one, no_classes
from dlkit.targets import _labels
from dlkit.targets._classes import OneClassTarget, inside
from dlkit.targets._labels import numbered

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema.features import Feature
    from dlkit.schema.source import SourceField

keras = lazy("keras")
np = lazy("numpy")
tf = lazy("tensorflow")

# For what `dlkit init` proposes: classes that there may be, rows that each of them needs on average, and different
# whole numbers up to which they are classes rather than quantities.
MOST_CLASSES, FEWEST_ROWS, FEW_NUMBERS = 1_000, 4, 20


class CategoryTarget(OneClassTarget):
    """One class of several: whole numbers, text or one-hot labels."""

    also_called = "class, categorical, label, multiclass, classification"
    holds = "integer classes"
    # A category is an integer, so losses over one-hot labels do not fit.
    losses = frozenset({"sparse_categorical_crossentropy"})
    metrics_that_fit = frozenset(
        {
            "accuracy", "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
            "sparse_top_k_categorical_accuracy",
        }
    )  # fmt: skip
    default_loss = "sparse_categorical_crossentropy"
    default_metrics = ("accuracy",)
    smoothable = frozenset({"sparse_categorical_crossentropy"})
    smoothed_as_one_hot = True
    accuracy = "sparse_categorical_accuracy"
    activation = "softmax"
    # The largest logit is the largest probability.
    same_on_logits = frozenset({"accuracy", "sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy"})

    kind: Literal["category"]
    classes: Annotated[int, Field(ge=2)] | Annotated[list[str], Field(min_length=2)] | None = Field(
        None, description="Number of classes or their names, where neither the source nor the labels give them."
    )

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Words that repeat, whole numbers with few values, and one-hot rows."""
        values, settings = column.values, {"kind": "category"}
        if column.field.encoding or values.ndim > 2:
            return None
        if values.ndim == 2:
            hot = values.dtype.kind in "biuf" and bool(
                np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()
            )
            return Guess(0.9, settings, f"one-hot labels of {values.shape[1]} classes") if hot else None
        different = len(column.field.classes) or len(column.distinct)
        rows = len(column.present) / max(1, different)
        if different < 2 or rows < 2:
            return None
        if column.field.classes or (column.is_text and different <= MOST_CLASSES and rows >= FEWEST_ROWS):
            return Guess(0.9, settings, f"one of {different:,} classes")
        if column.is_text:
            return (
                Guess(0.3, settings, f"one of {different:,} classes, with {rows:.0f} rows for each")
                if rows > 2
                else None
            )
        if not column.whole or different > MOST_CLASSES:
            return None
        doubt = f"`{column.name}` has {different:,} different whole numbers, which may be quantities"
        score = 0.8 if different <= FEW_NUMBERS and rows >= FEWEST_ROWS else 0.3
        return Guess(score, settings, f"one of {different:,} classes, which are whole numbers", doubt)

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """One integer, whose classes the settings, the source or one-hot labels give."""
        key: Key = self.key_of(name)
        must_be_one(self, name, column, one_hot=in_memory)
        found, shape = column.classes, column.shape or ()
        if len(shape) == 1 and shape != (1,):
            found = found or numbered(shape[0] or 0)
        return self.made_feature(name, (), "int32", self._stated(name, found, key))

    def _stated(self, name: str, found: tuple[str, ...], key: Key) -> tuple[str, ...]:
        """The classes of settings and source, which must not contradict each other."""
        stated = self.classes
        if stated is None:
            return tuple(found)
        size = stated if isinstance(stated, int) else len(stated)
        if found and size != len(found):
            message = f"`classes` says {size}, but the source has {count(len(found), 'class')} for `{name}`"
            help = "leave `classes` out; the source gives it"
            raise ConfigError(Problem("classes-contradict", message, (*key, "classes"), help=help))
        if isinstance(stated, int):
            return tuple(found) or numbered(stated)
        if found and sorted(found) == sorted(stated) and list(found) != stated:
            message = f"`classes` lists the classes of `{name}` in another order than the source"
            help = f"its order is {', '.join(found)}"
            raise ConfigError(Problem("classes-contradict", message, (*key, "classes"), help=help))
        return tuple(stated)

    def fit(self, labels: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """The class table and the counts of the training rows."""
        notes = []
        if labels.ndim == 2 and labels.shape[1] > 1:
            notes.append(f"the one-hot labels of `{feature.name}` are read as integers")
        labels = self.read(labels, place)
        if not feature.classes:
            table = _labels.table_of(labels, place)
        else:
            # Names, or their numbers from 0.
            table = list(feature.classes) if labels.dtype.kind == "U" else list(range(len(feature.classes)))
        numbers = _labels.numbers_of(labels, table, place, stated=self.classes is not None)
        notes += place.alike(feature.classes or map(str, table), place.column)
        classes = feature.classes or tuple(map(str, table))
        state = {"table": table, "counts": _labels.count(numbers, len(table))}
        return self.made_feature(feature.name, (), "int32", classes), state, notes

    def fit_stream(self, feature: Feature) -> State:
        """The classes that settings or source give, by their numbers."""
        if not feature.classes:
            raise no_classes(self, feature.name)
        return {"table": list(range(len(feature.classes)))}

    def without_source(self, name: str) -> Feature | None:
        """One integer, if the settings give the classes."""
        classes = self._stated(name, (), self.key_of(name))
        return self.made_feature(name, (), "int32", classes) if classes else None

    def read(self, labels: Any, place: RowPlace) -> Any:
        """One label for each example: integers or text, shape (examples,); those of one-hot labels are integers."""
        one_hot = labels.ndim == 2 and labels.shape[1] > 1
        return _labels.from_one_hot(labels, place) if one_hot else _labels.read_labels(labels, place)

    def smoothed(
        self, target: Target, share: float, reduction: str | None, *, logits: bool
    ) -> Callable[[Any, Any], Any]:
        """The cross-entropy with smoothed labels (Szegedy et al., 2016); Keras smooths one-hot labels alone."""
        loss = keras.losses.CategoricalCrossentropy(from_logits=logits, label_smoothing=share, reduction=reduction)
        classes = len(target.classes)
        return lambda labels, outputs: loss(keras.ops.one_hot(labels, classes), outputs)

    def constant(self, target: Target, labels: Any) -> Any:
        """The logarithms of the shares of the classes: logits, shape (classes,)."""
        shares = tf.one_hot(tf.reshape(tf.cast(labels, tf.int32), [-1]), len(target.classes))
        # As if each class had been seen once more: a small batch lacks some of many classes.
        return tf.math.log(tf.reduce_sum(shares, axis=0) + 1)

    def predicted(self, target: Target, logits: Any) -> Any:
        """The likeliest class of each example: int32, shape (batch,)."""
        return tf.argmax(logits, -1, tf.int32)

    def are_results(self, outputs: Any) -> bool:
        """Whether outputs of an untrained network are probabilities already."""
        return inside(outputs) and bool(np.allclose(outputs.sum(axis=-1), 1, atol=1e-3))

    def missing(self, target: Target, labels: Any) -> list[str]:
        """The classes that none of these labels has."""
        counts = _labels.count(labels.astype(np.int64), len(target.classes))
        return [name for name, n in zip(target.classes, counts, strict=True) if n == 0]

"""`kind: binary`: yes or no."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.lazy import lazy
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.labels import must_be_one
from dlkit.targets import _labels
from dlkit.targets._classes import OF_LOGITS, OneClassTarget, of_logits

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema.features import Feature
    from dlkit.schema.source import SourceField

keras = lazy("keras")
np = lazy("numpy")
tf = lazy("tensorflow")

# Words for no and yes, in this order.
PAIRS = [
    ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("0", "1"), ("negative", "positive"),
    ("neg", "pos"), ("absent", "present"), ("fail", "pass"), ("bad", "good"), ("-", "+"), ("nein", "ja"), ("nee", "ja"),
    ("non", "oui"), ("no", "si"), ("no", "sí"), ("não", "sim"), ("нет", "да"), ("否", "是"), ("いいえ", "はい"),
]  # fmt: skip


class BinaryTarget(OneClassTarget):
    """Yes or no: 1 or 0, true or false, or two words."""

    also_called = "bool, boolean"
    holds = "labels 0 and 1"
    losses = frozenset({"binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge"})
    metrics_that_fit = frozenset(
        {
            "accuracy", "binary_accuracy", "binary_crossentropy", "auc", "precision", "recall", "true_positives",
            "true_negatives", "false_positives", "false_negatives", "precision_at_recall", "recall_at_precision",
            "sensitivity_at_specificity", "specificity_at_sensitivity", "f1_score", "f_beta_score", "binary_io_u",
            "hinge", "squared_hinge",
        }
    )  # fmt: skip
    default_loss = "binary_crossentropy"
    default_metrics = ("accuracy",)
    smoothable = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
    accuracy = "binary_accuracy"
    activation = "sigmoid"

    kind: Literal["binary"]
    classes: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Names of the two classes, that of no (0) first."
    )

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """0 and 1, true and false, pairs such as yes and no, and two classes that the source names."""
        if column.values.ndim != 1 or column.field.encoding or len(column.distinct) != 2:
            return None
        no, yes = sorted(str(value).lower() for value in column.distinct.tolist())
        names = column.field.classes
        if len(names) == 2:
            return Guess(0.95, {"kind": "binary"}, f"`{names[0]}` (no) or `{names[1]}` (yes)")
        if column.is_text and ((no, yes) in PAIRS or (yes, no) in PAIRS):
            return Guess(0.95, {"kind": "binary"}, f"{no} or {yes}")
        if not column.is_text and set(column.distinct.tolist()) == {0, 1}:
            return Guess(0.95, {"kind": "binary"}, "0 or 1")
        return None

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """One integer, 0 or 1."""
        must_be_one(self, name, column, one_hot=False)
        if len(column.classes) not in (0, 2):
            message = f"`{name}` must be yes or no, but the source has {count(len(column.classes), 'class')} for it"
            key = self.key_of(name)
            raise ConfigError(Problem("classes-contradict", message, key, help="use `kind: category`"))
        return self.made_feature(name, (), "int32", tuple(self.classes or column.classes))

    def fit(self, labels: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """Which of the two labels of the training rows is yes, and how many there are of each."""
        labels = _labels.read_labels(labels, place)
        found = [value.item() for value in np.unique(labels)]
        table, notes = self._table(feature, found, place)
        numbers = _labels.numbers_of(labels, table, place, stated=self.classes is not None)
        classes = feature.classes or (() if table == [0, 1] else tuple(map(str, table)))
        if table != [0, 1] and not feature.classes:
            notes = [f"`{table[1]}` of `{feature.name}` is the yes whose probability is predicted; `{table[0]}` is no"]
        state = {"table": table, "counts": _labels.count(numbers, 2)}
        return self.made_feature(feature.name, (), "int32", classes), state, notes

    def _table(self, feature: Feature, found: list[Any], place: RowPlace) -> tuple[list[Any], list[str]]:
        """The labels of no and yes."""
        text = isinstance(found[0], str)
        if not text and {0, 1} & set(found) and (feature.classes or len(found) != 2 or set(found) == {0, 1}):
            return [0, 1], []  # other labels are reported by their rows
        if text and feature.classes:
            return list(feature.classes), []
        if len(found) != 2 or (feature.classes and not text):
            if feature.classes and not text:
                return [0, 1], []
            listed = ", ".join(f"`{value}`" for value in found[:5])
            message = f"the training labels have {count(len(found), 'value')} ({listed}), not two"
            help = "use `kind: category`" if len(found) > 2 else "check the column and the split"
            help = "; ".join([*place.alike(map(str, found), place.column), help])
            raise place.run_error("label-out-of-range", message, help)
        if text:
            lower = [value.strip().lower() for value in found]
            for no, yes in PAIRS:
                if set(lower) == {no, yes}:
                    return [found[lower.index(no)], found[lower.index(yes)]], []
        return found, []

    def fit_stream(self, feature: Feature) -> State:
        """No and yes by their numbers."""
        return {"table": [0, 1]}

    def without_source(self, name: str) -> Feature | None:
        """One integer, 0 or 1."""
        return self.made_feature(name, (), "int32", tuple(self.classes or ()))

    def units(self, target: Target) -> int:
        """One logit."""
        return 1

    def describes_outputs(self, target: Target) -> str:
        """The width of the head in words."""
        return "1 outputs"

    def loss_function(
        self, target: Target, name: str, loss: Callable[[Any, Any], Any], *, logits: bool
    ) -> Callable[[Any, Any], Any]:
        """The loss; one that is of logits gets those that the probabilities came from."""
        return loss if logits or name not in OF_LOGITS else of_logits(loss)

    def metric_labels(self, target: Target, labels: Any) -> Any:
        """Labels of shape (batch, 1), as results have it."""
        return keras.ops.reshape(labels, (-1, 1))

    def metric_arguments(self, target: Target, name: str) -> dict[str, Any]:
        """What Keras leaves to several outputs: by its defaults the largest output of an example is its class."""
        if name == "binary_io_u":
            return {"dtype": "float32"}  # by its default it cuts the weights of examples to whole numbers
        return {"threshold": 0.5, "average": "macro"} if name in ("f1_score", "f_beta_score") else {}

    def constant(self, target: Target, labels: Any) -> Any:
        """The logit of the share of yes: shape (1,)."""
        yes = tf.reduce_sum(tf.cast(labels, tf.float32))
        no = tf.cast(tf.size(labels), tf.float32) - yes
        return tf.reshape(tf.math.log(yes + 1) - tf.math.log(no + 1), [1])

    def predicted(self, target: Target, logits: Any) -> Any:
        """0 or 1 for each example: int32, shape (batch, 1)."""
        return tf.cast(logits > 0, tf.int32)

    def from_probabilities(self, target: Target, probabilities: Any) -> Any:
        """The probability of yes: shape (examples, 1)."""
        return probabilities[:, 1:2]

    def pairs(self, target: Target, result: Any) -> list[tuple[str, Any]]:
        """No and yes with their probabilities."""
        yes = np.reshape(result, -1)[0]
        return list(zip(_labels.names(target), (np.float32(1) - yes, yes), strict=True))

"""`kind: multi_label`: any number of classes at once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.column import is_pattern
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.labels import must_be_one, no_classes
from dlkit.targets._classes import OF_LOGITS, ClassTarget, of_logits, shortest
from dlkit.targets._labels import numbered, unknown_label

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema.features import Feature
    from dlkit.schema.source import SourceField

np = lazy("numpy")
tf = lazy("tensorflow")

# What mostly stands between two classes; a space last, since names of classes have one too.
USUAL = {",": "commas", ";": "semicolons", "|": "vertical bars", "/": "slashes", "\t": "tabs", " ": "spaces"}


class MultiLabelTarget(ClassTarget):
    """Several classes at once: text such as `rain, wind`, several columns of 0 and 1, or a vector of them."""

    also_called = "multilabel, tags, multi_class_multi_label, multi_hot"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **ClassTarget.fields_also_called,
        "separator": "sep, delimiter",
    }
    holds = "several classes at once"
    losses = frozenset(
        {"binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge", "dice", "tversky"}
    )
    of_results = frozenset({"dice", "tversky"})
    metrics_that_fit = frozenset(
        {
            "accuracy", "binary_accuracy", "binary_crossentropy", "auc", "precision", "recall", "f1_score",
            "f_beta_score", "true_positives", "true_negatives", "false_positives", "false_negatives",
            "precision_at_recall", "recall_at_precision", "sensitivity_at_specificity", "specificity_at_sensitivity",
        }
    )  # fmt: skip
    default_loss = "binary_crossentropy"
    default_metrics = ("auc", "f1_score")
    smoothable = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
    accuracy = "binary_accuracy"
    activation = "sigmoid"

    kind: Literal["multi_label"]
    classes: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="Names of the classes, where neither columns nor labels give them."
    )
    separator: Annotated[str, Field(min_length=1)] = Field(",", description="What stands between two classes in text.")

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Rows of 0 and 1; words with separators between them, of which there are fewer than texts."""
        values, settings = column.values, {"kind": "multi_label"}
        if values.ndim == 2 and values.shape[1] > 1 and values.dtype.kind in "biuf":
            return Guess(0.8, settings, "rows of 0 and 1") if bool(np.isin(values, (0, 1)).all()) else None
        if not column.is_text or values.ndim != 1:
            return None
        for separator in (",", ";", "|"):
            texts = column.present.tolist()
            words = {word.strip() for text in texts for word in text.split(separator)}
            several = sum(separator in text for text in texts)
            if several > len(texts) / 10 and len(words) < len(column.distinct) and len(words) * 4 < len(texts):
                more = {} if separator == cls.model_fields["separator"].default else {"separator": separator}
                return Guess(
                    0.95, {**settings, **more}, f"any of {len(words):,} classes, with `{separator}` between them"
                )
        return None

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """A number, 0 or 1, for each class."""
        text = column.dtype == "string"
        classes = tuple(self.classes or (() if text else column.classes))
        if text:
            must_be_one(self, name, column, one_hot=False)
        elif column.shape is None or len(column.shape) != 1 or column.shape[0] is None:
            message = (
                f"`{name}` must be a vector of 0 and 1, but its examples have the shape {list(column.shape or ())}"
            )
            help = "name its columns with `columns:`, or give text with a `separator`"
            raise ConfigError(Problem("target-shape", message, self.key_of(name), help=help))
        elif classes and len(classes) != column.shape[0]:
            message = f"`{name}` has {count(len(classes), 'class')}, and labels of {count(column.shape[0], 'value')}"
            raise ConfigError(Problem("classes-contradict", message, self.key_of(name), help="give one for each"))
        else:
            classes = classes or numbered(column.shape[0])
        return self.made_feature(name, (len(classes) or None,), "float32", classes)

    def without_source(self, name: str) -> Feature | None:
        """A number for each class that the settings give, or for each of several columns; None for fewer."""
        columns = self.wanted(name)
        known = len(columns) > 1 and not any(is_pattern(column) for column in columns)
        classes = tuple(self.classes or (columns if known else ()))
        return self.made_feature(name, (len(classes),), "float32", classes) if classes else None

    def fit(self, labels: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """The classes of the training rows, and how many examples each has."""
        classes, notes = feature.classes, []
        if not classes:
            notes = self._other_separator(feature.name, labels, place)
            words = {word for cell in self._cells(labels, place) for word in cell}
            if not words:
                raise place.run_error(
                    "too-few-classes", "no training row has a class", "check the column and the split"
                )
            classes = tuple(sorted(words))
        feature = self.made_feature(feature.name, (len(classes),), "float32", classes)
        hot = self._hot(labels, classes, place)
        return feature, {"counts": [int(n) for n in hot.sum(axis=0)]}, notes

    def encode(self, labels: Any, target: Target, place: RowPlace) -> Any:
        """1 for each class that an example has, else 0: float32, shape (examples, classes)."""
        return self._hot(labels, target.classes, place)

    def _cells(self, labels: Any, place: RowPlace) -> list[list[str]]:
        """The classes of each row of text."""
        texts = place.as_text(labels).reshape(-1).tolist()
        return [[word.strip() for word in text.split(self.separator) if word.strip()] for text in texts]

    def _other_separator(self, name: str, labels: Any, place: RowPlace) -> list[str]:
        """A note where no training row has the separator, and some have another that is usual."""
        texts = [text.strip() for text in place.as_text(labels).reshape(-1).tolist()]
        found = {other: n for other in USUAL if (n := sum(other in text for text in texts))}
        if not found or any(self.separator in text for text in texts):
            return []
        other = max(found, key=lambda word: (word != " ", found[word]))
        found_where = f"{found[other]:,} of {len(texts):,} have {USUAL[other]}"
        help = f"if these stand between classes, write `separator: {json.dumps(other)}`"
        return [f"target `{name}`: no training row has the separator {self.separator!r}, and {found_where}; {help}"]

    def _hot(self, labels: Any, classes: tuple[str, ...], place: RowPlace) -> Any:
        if labels.dtype.kind not in "OSTU":
            place.same_shape(labels, (len(classes),))
            place.refuse_not_finite(labels)
            wrong = np.argwhere((labels != 0) & (labels != 1))
            if wrong.size:
                row, at = wrong[0]
                message = f"{place.row(row)} holds {labels[row, at]}{place.within(at, len(classes))}, neither 0 nor 1"
                raise place.run_error("label-out-of-range", message, "use `kind: number` for numbers")
            return labels.astype(np.float32)
        number = {name: n for n, name in enumerate(classes)}
        hot = np.zeros((len(labels), len(classes)), np.float32)
        unknown: dict[int, str] = {}
        for row, words in enumerate(self._cells(labels, place)):
            for word in words:
                if word in number:
                    hot[row, number[word]] = 1
                else:
                    unknown.setdefault(row, word)
        if unknown:
            row, word = next(iter(unknown.items()))
            raise unknown_label(word, row, len(unknown), classes, place, stated=bool(self.classes))
        return hot

    def fit_stream(self, feature: Feature) -> State:
        """Nothing, where the classes are known."""
        if not feature.classes:
            raise no_classes(self, feature.name)
        return {}

    def encode_example(self, label: Any, target: Target) -> Any:
        """0 or 1 for each class: float32, shape (classes,)."""
        if label.dtype == tf.string:
            words = tf.strings.strip(tf.strings.split(tf.reshape(label, []), self.separator))
            return tf.cast(tf.reduce_any(words[:, None] == tf.constant(target.classes)[None], axis=0), tf.float32)
        return tf.ensure_shape(tf.cast(label, tf.float32), (len(target.classes),))

    def loss_function(
        self, target: Target, name: str, loss: Callable[[Any, Any], Any], *, logits: bool
    ) -> Callable[[Any, Any], Any]:
        """The loss of logits or of probabilities, as it takes them."""
        if not logits and name in OF_LOGITS:
            return of_logits(loss)
        return super().loss_function(target, name, loss, logits=logits)

    def loss_arguments(self, name: str) -> dict[str, Any]:
        """Each example by itself."""
        return {"axis": (-1,)} if name in self.of_results else {}

    def metric_arguments(self, target: Target, name: str) -> dict[str, Any]:
        """Each class by itself, and the mean over the classes."""
        if name == "auc":
            return {"multi_label": True, "num_labels": len(target.classes)}
        return {"threshold": 0.5, "average": "macro"} if name in ("f1_score", "f_beta_score") else {}

    def constant(self, target: Target, labels: Any) -> Any:
        """The logit of each class's share: shape (classes,)."""
        yes = tf.reduce_sum(labels, axis=0)
        return tf.math.log(yes + 1) - tf.math.log(tf.cast(tf.shape(labels)[0], tf.float32) - yes + 1)

    def chance_loss(self, target: Target) -> tuple[float, str]:
        """Cross-entropy of guessing yes or no for each class, and the words for it."""
        return math.log(2), "guessing yes or no for each class"

    def missing(self, target: Target, labels: Any) -> list[str]:
        """The classes that none of these examples has."""
        return [name for name, n in zip(target.classes, labels.sum(axis=0), strict=True) if n == 0]

    def record(self, target: Target, result: Any) -> dict[str, Any]:
        """The classes whose probability is at least a half, and the probability of each."""
        pairs = self.pairs(target, result)
        chosen = [name for name, probability in pairs if probability >= 0.5]
        return {"classes": chosen, "probabilities": {name: shortest(value) for name, value in pairs}}

    def summary(self, values: Any, bound: Target) -> looking.Summary:
        """How many rows have each class, how many have none, and how many classes a row has on average."""
        each = values.sum(axis=1)
        counted = looking.of_counts(bound.classes, values.sum(axis=0), "classes")
        return [*counted, ("rows without a class", int((each == 0).sum())), ("classes of a row", float(each.mean()))]

    def label(self, target: Target, label: Any) -> Any:
        """The names of an example's classes."""
        return [name for name, hot in zip(target.classes, np.reshape(label, -1), strict=True) if hot]

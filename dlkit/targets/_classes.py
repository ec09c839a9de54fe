"""What targets with classes share: names, weights, and how results are put into words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.config.suggestions import nearest_name
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.base import NonNegativeFloat
from dlkit.schema.fitted import Fitted, State, Whole
from dlkit.schema.target import TargetSettings
from dlkit.targets._labels import names, number_in_stream, numbered, numbers_of, own_label, read_labels

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config
    from dlkit.schema.features import Feature

keras = lazy("keras")
np = lazy("numpy")
tf = lazy("tensorflow")

# Losses that are of logits whatever is asked of Keras: it has no `from_logits` for them.
OF_LOGITS = ("hinge", "squared_hinge")

ClassWeight = Literal["balanced"] | dict[str, NonNegativeFloat] | None


class Counts(Fitted):
    """How many training rows each class has; nothing of a stream, which is not counted."""

    counts: list[int] | None = None


class Table(Counts):
    """The labels in the order of their numbers, and how many training rows have each."""

    table: list[str] | list[Whole]


class ClassTarget(TargetSettings):
    """A target with classes, each with its own name, whose results are probabilities."""

    state_type: ClassVar[type[Fitted]] = Counts

    fields_also_called: ClassVar[Mapping[str, str]] = {
        **TargetSettings.fields_also_called,
        "classes": "num_classes, class_names, n_classes, labels, labels_names",
    }

    # Each kind says how many there may be.
    classes: int | list[str] | None = None

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """Each class has its own name."""
        yield from super().rules(name, config)
        seen: dict[str, int] = {}
        for number, class_name in enumerate(self.classes if isinstance(self.classes, list) else ()):
            if class_name in seen:
                message, place = f"the class `{class_name}` is listed twice", (*self.key_of(name), "classes", number)
                yield Problem("contradiction", message, place, label=f"also item {seen[class_name]}")
            seen.setdefault(class_name, number)

    def check_state(self, state: State, feature: Feature) -> None:
        """A table and counts of the classes; a yes or no without names has two."""
        super().check_state(state, feature)
        classes, table, counts = len(feature.classes) or 2, state.get("table"), state.get("counts")
        if table is not None and (len(table) != classes or len(set(table)) < len(table)):
            raise ValueError(f"its `table` is not of {classes} different labels")
        if counts and len(counts) != classes:
            raise ValueError(f"its `counts` are not of {count(classes, 'class')}")

    def units(self, target: Target) -> int:
        """A logit for each class."""
        return len(target.classes)

    def describes_outputs(self, target: Target) -> str:
        """The width of the head in words."""
        return count(len(target.classes), "class")

    def are_results(self, outputs: Any) -> bool:
        """Whether outputs of an untrained network are probabilities already: all of a batch lie between 0 and 1."""
        return inside(outputs) and len(outputs) >= 8 and bool(outputs.std() > 0)

    def pairs(self, target: Target, result: Any) -> list[tuple[str, Any]]:
        """The classes of one row of results, each with its probability."""
        return list(zip(target.classes, result, strict=True))

    def ranked(self, target: Target, result: Any, count: int = 3) -> list[tuple[str, Any]]:
        """The likeliest classes of one example with their probabilities."""
        return sorted(self.pairs(target, result), key=lambda pair: -pair[1])[:count]

    def compatible(self, trained: Target, given: Target) -> Iterator[Problem]:
        """Whether labels have the classes that a model was trained on, in their order."""
        if trained.classes == given.classes:
            return
        if given.classes == numbered(len(given.classes)) and len(given.classes) <= len(trained.classes):
            return
        ours, theirs = (", ".join(c[:6]) + (", …" if len(c) > 6 else "") for c in (trained.classes, given.classes))
        if set(trained.classes) == set(given.classes):
            message = (
                f"the classes of `{trained.name}` come in another order: the model has {ours}; the data have {theirs}"
            )
        else:
            message = (
                f"the model knows {count(len(trained.classes), 'class')} of `{trained.name}` ({ours}), "
                f"the data have {len(given.classes)} ({theirs})"
            )
        help = "state the model's classes, in its order, with `classes:`"
        yield Problem("classes-do-not-fit", message, trained.key, help=help)


class OneClassTarget(ClassTarget):
    """A target whose examples have one class each."""

    state_type = Table
    stratifies = True
    constant_is = "majority class"

    class_weight: ClassWeight = Field(
        None, description="Weight of the examples of each class, by its name; `balanced`: the rarer, the heavier."
    )

    def read(self, labels: Any, place: RowPlace) -> Any:
        """One label for each example, as the source has it: integers or text, shape (examples,)."""
        return read_labels(labels, place)

    def encode(self, labels: Any, target: Target, place: RowPlace) -> Any:
        """The number of each label in the class table: int32, shape (examples,)."""
        return numbers_of(self.read(labels, place), target.state["table"], place, stated=self.classes is not None)

    def encode_example(self, label: Any, target: Target) -> Any:
        """The number of a class: int32, shape ()."""
        return number_in_stream(label, target, len(names(target)))

    def class_numbers(self, target: Target, labels: Any) -> Any:
        """The number of each label's class: int64, shape (examples,)."""
        return np.reshape(labels, -1).astype(np.int64)

    def class_weights(self, target: Target) -> Callable[[Any], Any] | None:
        """The weight of each label's class, as a function of labels; None where all are 1."""
        weights = weights_of_classes(self.class_weight, target)
        return None if weights is None else lambda labels: tf.gather(weights, tf.cast(labels, tf.int32))

    def chance_loss(self, target: Target) -> tuple[float, str]:
        """Cross-entropy of guessing among the classes, and the words for it."""
        classes = len(names(target))
        return math.log(classes), f"guessing among {classes} classes"

    def record(self, target: Target, result: Any) -> dict[str, Any]:
        """The likeliest class of an example and the probability of each, as JSON has them."""
        pairs = self.pairs(target, result)
        best, probability = max(pairs, key=lambda pair: pair[1])
        every = {name: shortest(value) for name, value in pairs}
        found = own_label(target, names(target).index(best))
        return {"class": found, "probability": shortest(probability), "probabilities": every}

    def summary(self, values: Any, bound: Target) -> looking.Summary:
        """How many rows each class has, the most frequent first."""
        classes = names(bound)
        return looking.of_counts(classes, np.bincount(values.reshape(-1), minlength=len(classes)), "classes")

    def label(self, target: Target, label: Any) -> Any:
        """A label as the data have it."""
        return own_label(target, int(np.reshape(label, -1)[0]))


def inside(outputs: Any) -> bool:
    """Whether outputs, a NumPy array, all lie between 0 and 1."""
    return bool(outputs.size > 0 and outputs.min() >= 0 and outputs.max() <= 1)


def of_logits(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss of logits as one of the probabilities that came of them by a sigmoid."""

    def of_probabilities(labels: Any, results: Any) -> Any:
        inside = keras.ops.clip(results, np.finfo(np.float32).tiny, 1 - np.finfo(np.float32).epsneg)
        return loss(labels, keras.ops.log(inside) - keras.ops.log1p(-inside))

    return of_probabilities


def weights_of_classes(given: Any, target: Target) -> Any:
    """The weight of each class in the loss: float32, shape (classes,); None where all are 1.

    `balanced` is examples / (classes * examples of the class), as scikit-learn has it.

    Raises:
        ConfigError: for a class that there is not, weights that are all 0, or counts that are not known.
    """
    key = (*target.key, "class_weight")
    if given is None:
        return None
    if given == "balanced":
        counts = np.array(target.state.get("counts") or [], np.float64)
        if not counts.size:
            message = f"the classes of `{target.name}` are not counted, since its examples are a stream"
            raise ConfigError(
                Problem("class-weight", message, key, help="give each class its weight, as in `{cat: 3.0}`")
            )
        return (counts.sum() / (len(counts) * np.maximum(counts, 1))).astype(np.float32)
    classes = names(target)
    unknown = [name for name in given if name not in classes]
    if unknown:
        near = nearest_name(unknown[0], classes)
        message = f"`{target.name}` has no class `{unknown[0]}`"
        listed = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
        help = (f"did you mean `{near}`? " if near else "") + f"its classes are {listed}"
        raise ConfigError(Problem("class-weight", message, (*key, unknown[0]), help=help))
    weights = np.array([given.get(name, 1.0) for name in classes], np.float32)
    if not weights.any():
        message = f"every class of `{target.name}` has the weight 0, so that nothing would be learned"
        raise ConfigError(Problem("class-weight", message, key, help="give at least one class a weight"))
    return weights


def shortest(value: Any) -> float:
    """The shortest decimal number that is this float32."""
    return float(str(np.float32(value)))

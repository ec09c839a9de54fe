"""What targets with classes share: class tables, names, weights, and how results are put into words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.config.suggestions import nearest_name
from dlkit.lazy import lazy
from dlkit.schema.base import NonNegativeFloat
from dlkit.schema.fitted import Fitted, State, Whole

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace

np = lazy("numpy")
tf = lazy("tensorflow")

CLASSES_ALSO_CALLED = {"classes": "num_classes, class_names, n_classes, labels, labels_names"}
ClassWeight = Literal["balanced"] | dict[str, NonNegativeFloat] | None
# More classes than this among nearly as many examples are hardly classes.
MANY = 1000


class Counts(Fitted):
    """How many training rows each class has; nothing of a stream, which is not counted."""

    counts: list[int] | None = None


class Table(Counts):
    """The labels in the order of their numbers, and how many training rows have each."""

    table: list[str] | list[Whole]


def check_classes(state: State, classes: int) -> None:
    """Refuse a state whose table or counts are not those of so many classes.

    Raises:
        ValueError: saying which.
    """
    table, counts = state.get("table"), state.get("counts")
    if table is not None and (len(table) != classes or len(set(table)) < len(table)):
        raise ValueError(f"its `table` is not of {classes} different labels")
    if counts and len(counts) != classes:
        raise ValueError(f"its `counts` are not of {classes} classes")


def class_rules(key: Key, classes: int | list[str] | None) -> Iterator[Problem]:
    """Each class has its own name.

    Args:
        key: path of the target.
        classes: their number or names, as stated.
    """
    seen: dict[str, int] = {}
    for number, class_name in enumerate(classes if isinstance(classes, list) else ()):
        if class_name in seen:
            yield Problem(
                "contradiction",
                f"the class `{class_name}` is listed twice",
                (*key, "classes", number),
                label=f"also item {seen[class_name]}",
            )
        seen.setdefault(class_name, number)


def numbered(classes: int) -> tuple[str, ...]:
    """Names of classes that have none: "0", "1", and so on."""
    return tuple(str(number) for number in range(classes))


# Labels on the host.


def read_labels(array: Any, place: RowPlace) -> Any:
    """One label for each example: integers or text, shape (examples,).

    Args:
        array: integers, whole floats, booleans or text, shape (examples,) or (examples, 1).
        place: where they come from, for messages.

    Raises:
        RunError: NaN or infinity, fractions, or text mixed with numbers.
    """
    if array.ndim > 1:
        if array.size != len(array):
            message = f"the labels have the shape {list(array.shape[1:])}"
            raise place.run_error("shape-mismatch", message, "give one label each")
        array = array.reshape(len(array))
    if array.dtype.kind in "OSTU":
        return place.as_text(array)
    place.refuse_not_finite(array)
    whole = array if array.dtype.kind in "iub" else np.rint(array)
    if array.dtype.kind == "f" and (wrong := np.flatnonzero(whole != array)).size:
        message = f"{place.row(wrong[0])} is {array[wrong[0]]:g}, not a whole number"
        raise place.run_error("labels-not-integers", message, "give whole numbers or text, or use `kind: number`")
    return whole if whole.dtype.kind in "iu" else whole.astype(np.int64)


def from_one_hot(array: Any, place: RowPlace) -> Any:
    """The integers of one-hot labels, shape (examples, classes).

    Raises:
        RunError: naming the first row that is not one-hot.
    """
    hot = ((array == 0) | (array == 1)).all(axis=1) & (array.sum(axis=1, dtype=np.float64) == 1)
    if (wrong := np.flatnonzero(~hot)).size:
        message = f"labels have {array.shape[1]} columns but are not one-hot: {place.row(wrong[0])}"
        help = "give one integer each, use `kind: number` for a vector, `kind: multi_label` for several classes at once"
        raise place.run_error("target-shape", message, help)
    return np.asarray(array.argmax(axis=1))


def table_of(labels: Any, place: RowPlace) -> list[Any]:
    """The different labels in order: whole numbers by size, text by the alphabet.

    Raises:
        RunError: if there is only one, or nearly as many as there are examples.
    """
    values = np.unique(labels)
    if len(values) < 2:
        message = f"all training labels are {values[0]}, so there is nothing to tell apart"
        raise place.run_error("too-few-classes", message, "check the column and the split, or state `classes`")
    if len(values) > max(MANY, len(labels) // 2):
        message = f"{len(labels):,} training examples have {len(values):,} different labels, which are hardly classes"
        raise place.run_error("classes-unknown", message, "state `classes`, or use `kind: number`")
    return list(values.tolist())


def numbers_of(labels: Any, table: Sequence[Any], place: RowPlace, *, stated: bool = False) -> Any:
    """The number of each label in the table: int32, shape (examples,).

    Args:
        labels: as `read_labels` gave them.
        table: the labels that there are.
        place: where they come from, for messages.
        stated: whether the configuration states the classes.

    Raises:
        RunError: naming the first row with a label that the table does not have.
    """
    values = np.array(table)
    if labels.dtype.kind in "iu" and list(table) == list(range(len(table))):
        wrong = np.flatnonzero((labels < 0) | (labels >= len(table)))
        if wrong.size:
            raise _unknown(labels, wrong, table, place, stated=stated)
        return labels.astype(np.int32, copy=False)
    if (labels.dtype.kind == "U") != (values.dtype.kind == "U"):
        what, wanted = ("text", "numbers") if labels.dtype.kind == "U" else ("numbers", "text")
        message = f"the labels are {what}, such as `{labels[0]}`, and the classes {wanted}"
        raise place.run_error("unknown-label", message, "give labels of one type, and `classes` that fit them")
    order = np.argsort(values, kind="stable")
    found = np.searchsorted(values[order], labels)
    numbers = order[np.minimum(found, len(values) - 1)]
    wrong = np.flatnonzero(values[numbers] != labels)
    if wrong.size:
        raise _unknown(labels, wrong, table, place, stated=stated)
    return numbers.astype(np.int32)


def _unknown(labels: Any, wrong: Any, table: Sequence[Any], place: RowPlace, *, stated: bool) -> Exception:
    """The error for labels that the table does not have."""
    label = labels[wrong[0]].item()
    more = f" ({wrong.size:,} such rows)" if wrong.size > 1 else ""
    if list(table) == list(range(len(table))):
        message = f"{place.row(wrong[0])} has the label {label}, outside 0..{len(table) - 1}{more}"
        help = "correct the labels, or `classes`" if stated else "correct the labels"
        if labels.min() == 1 and labels.max() == len(table):
            help = "labels start at 1: leave `classes` out, or subtract 1 from them in the source"
        return place.run_error("label-out-of-range", message, help, below="classes" if stated else "")
    near = nearest_name(str(label), [str(value) for value in table])
    listed = ", ".join(f"`{value}`" for value in table[:10]) + (", ..." if len(table) > 10 else "")
    who = "`classes` does not list" if stated else "no training row has"
    message = f"{place.row(wrong[0])} has the label `{label}`, which {who}{more}"
    hint = f"did you mean `{near}`? " if near else ""
    return place.run_error(
        "unknown-label", message, f"{hint}the classes are {listed}", below="classes" if stated else ""
    )


def count(numbers: Any, classes: int) -> list[int]:
    """How many examples each class has."""
    return [int(n) for n in np.bincount(numbers.reshape(-1), minlength=classes)]


def missing_classes(labels: Any, target: Target) -> list[str]:
    """The classes that none of these labels has."""
    return [target.classes[i] for i, n in enumerate(count(labels.astype(np.int64), len(target.classes))) if n == 0]


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


# Results in words.


def names(target: Target) -> tuple[str, ...]:
    """The names of the classes; of a yes or no that has none, `0` and `1`."""
    return target.classes or ("0", "1")


def probability_record(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The likeliest class of an example, and the probability of each."""
    best, probability = max(pairs, key=lambda pair: pair[1])
    every = {name: shortest(value) for name, value in pairs}
    return {"class": best, "probability": shortest(probability), "probabilities": every}


def shortest(value: Any) -> float:
    """The shortest decimal number that is this float32."""
    return float(str(np.float32(value)))


def same_classes(trained: Target, given: Target) -> Iterator[Problem]:
    """What keeps a model from being judged on labels with other classes, or in another order."""
    if trained.classes == given.classes:
        return
    if given.classes == numbered(len(given.classes)) and len(given.classes) <= len(trained.classes):
        return
    ours, theirs = (", ".join(c[:6]) + (", …" if len(c) > 6 else "") for c in (trained.classes, given.classes))
    if set(trained.classes) == set(given.classes):
        message = f"the classes of `{trained.name}` come in another order: the model has {ours}; the data have {theirs}"
    else:
        message = (
            f"the model knows {len(trained.classes)} classes of `{trained.name}` ({ours}), "
            f"the data have {len(given.classes)} ({theirs})"
        )
    help = "state the model's classes, in its order, with `classes:`"
    yield Problem("classes-do-not-fit", message, trained.key, help=help)


# Labels of a stream.


def number_in_stream(label: Any, target: Target, classes: int) -> Any:
    """The number of one label, in TensorFlow ops: int32, shape (). A label without a class stops the stream."""
    if label.dtype == tf.string:
        with tf.init_scope():
            table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(list(names(target)), list(range(classes)), value_dtype=tf.int32), -1
            )
        number = table.lookup(tf.reshape(label, []))
        right, wanted = number >= 0, f"is none of {', '.join(names(target)[:10])}:"
    else:
        label = tf.reshape(label, [])
        number = tf.cast(label, tf.int32)
        right = tf.logical_and(tf.logical_and(number >= 0, number < classes), tf.cast(number, label.dtype) == label)
        wanted = f"is outside 0..{classes - 1}, or no whole number:"
    with tf.control_dependencies([tf.debugging.Assert(right, [f"target {target.name}: a label {wanted}", label])]):
        return tf.ensure_shape(tf.identity(number), ())

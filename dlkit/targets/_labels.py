"""Labels as numbers of classes: the class table of the training rows, and the labels of arrays and streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlkit.config.suggestions import nearest_name
from dlkit.lazy import lazy
from dlkit.schema.labels import LEAVE_OUT

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace

np = lazy("numpy")
tf = lazy("tensorflow")

# More classes than this among nearly as many examples are hardly classes.
MANY = 1000


def numbered(classes: int) -> tuple[str, ...]:
    """Names of classes that have none: "0", "1", and so on."""
    return tuple(str(number) for number in range(classes))


def names(target: Target) -> tuple[str, ...]:
    """The names of the classes; of a yes or no that has none, `0` and `1`."""
    return target.classes or ("0", "1")


def own_label(target: Target, number: int) -> Any:
    """A class as the labels have it: a whole number where they are whole numbers, else its name."""
    name, table = names(target)[number], target.state.get("table") or ()
    return table[number] if number < len(table) and str(table[number]) == name else name


# Labels on the host.


def read_labels(array: Any, place: RowPlace) -> Any:
    """One label for each example: integers or text, shape (examples,).

    Args:
        array: integers, whole floats, booleans or text, shape (examples,) or (examples, 1).
        place: where they come from, for messages.

    Raises:
        RunError: an empty text, NaN or infinity, fractions, or text mixed with numbers.
    """
    if array.ndim > 1:
        if array.size != len(array):
            message = f"the labels have the shape {list(array.shape[1:])}"
            raise place.run_error("shape-mismatch", message, "give one label each")
        array = array.reshape(len(array))
    if array.dtype.kind in "OSTU":
        texts = place.as_text(array)
        if (empty := np.flatnonzero(texts == "")).size:
            message = f"{place.row(empty[0])} has no label{_such(empty.size)}"
            raise place.run_error("missing-label", message, LEAVE_OUT)
        return texts
    place.refuse_not_finite(array, help=LEAVE_OUT)
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
    if array.dtype.kind in "OSTU":
        message = f"labels have {array.shape[1]} columns of text, and an example has one class"
        raise place.run_error(
            "target-shape", message, "name one column, or use `kind: multi_label` for several classes"
        )
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
        message = f"all training labels are {values[0]}, so there is nothing to distinguish"
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
    if list(table) != list(range(len(table))):
        return unknown_label(label, wrong[0], wrong.size, table, place, stated=stated)
    message = f"{place.row(wrong[0])} has the label {label}, outside 0..{len(table) - 1}{_such(wrong.size)}"
    help = "correct the labels, or `classes`" if stated else "correct the labels"
    if labels.min() == 1 and labels.max() == len(table):
        help = "labels start at 1: leave `classes` out, or subtract 1 from them in the source"
    return place.run_error("label-out-of-range", message, help, below="classes" if stated else "")


def unknown_label(label: Any, row: int, rows: int, table: Sequence[Any], place: RowPlace, *, stated: bool) -> Exception:
    """The error for a label that is none of the classes.

    Args:
        label: the first one.
        row: its number in the split.
        rows: how many have such labels.
        table: the labels that there are.
        place: where they come from.
        stated: whether the configuration states the classes.
    """
    near = nearest_name(str(label), [str(value) for value in table])
    listed = ", ".join(f"`{value}`" for value in table[:10]) + (", ..." if len(table) > 10 else "")
    who = "`classes` does not list" if stated else "no training row has"
    message = f"{place.row(row)} has the label `{label}`, which {who}{_such(rows)}"
    hint = f"did you mean `{near}`? " if near else ""
    below = "classes" if stated else ""
    return place.run_error("unknown-label", message, f"{hint}the classes are {listed}", below=below)


def _such(rows: int) -> str:
    return f" ({rows:,} such rows)" if rows > 1 else ""


def count(numbers: Any, classes: int) -> list[int]:
    """How many examples each class has."""
    return [int(n) for n in np.bincount(numbers.reshape(-1), minlength=classes)]


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

"""What Python gives for a split as columns: pairs, dictionaries of arrays, data frames, iterators over examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dlkit.config.causes import kind_and_line
from dlkit.config.problems import Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.source import SourceField, Wanted, expanded, type_name
from dlkit.sources._arrow import Column
from dlkit.sources._frames import Frame, frame_of, series_column, series_of

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

FORMS = (
    'give {"train": (x, y), "test": (x, y)}, with arrays, or dictionaries of arrays by name, '
    "or a data frame, or an unbatched tf.data.Dataset"
)
_KEY = ("data",)


class Table(NamedTuple):
    """A split.

    Attributes:
        columns: by field name.
        size: number of examples.
        others: names of further columns, which were not read.
    """

    columns: dict[str, Column]
    size: int
    others: tuple[str, ...] = ()


def table_of(split: str, value: Any, wanted: Wanted) -> Table:
    """The columns of a split by field. Of a frame these are the wanted ones.

    Args:
        split: its name.
        value: what was given for it.
        wanted: the columns that the configuration reads.

    Raises:
        RunError: for anything else than examples, or columns of different length.
    """
    if isinstance(value, Iterator):
        value = _collected(split, value)
    if isinstance(value, Mapping):
        parts: Mapping[str, Any] = value
    elif isinstance(value, tuple | list) and len(value) == 2:
        x, y = (
            _by_name(split, part, [*names, *wanted.others])
            for part, names in zip(value, (wanted.inputs, wanted.targets), strict=True)
        )
        parts = by_field(x, y, wanted)
    elif isinstance(value, tuple) and len(value) == 3:
        help = 'name the weights, as in `data.weights: w`, and give them as a column: (x, {"y": y, "w": w})'
        raise bad_data("given-data", f"split `{split}` is given as three parts, and there are two", help)
    elif not isinstance(value, np.ndarray | list | tuple) and (frame := frame_of(value, split)) is not None:
        read = _read(frame, wanted)
        return Table(read, len(frame), tuple(name for name in frame.names if name not in read))
    else:
        forms = "give what it returns: `make()`, not `make`" if callable(value) else FORMS
        raise bad_data("given-data", f"split `{split}` is given as {type(value).__name__}", forms)
    columns = {name: _array(split, name, part) for name, part in parts.items()}
    lengths = {name: len(column.array) for name, column in columns.items() if column.array is not None}
    if len(set(lengths.values())) != 1:
        message = ", ".join(f"`{name}` has {length:,}" for name, length in lengths.items()) or "it has no fields"
        raise bad_data("length-mismatch", f"split `{split}`: {message}", "give every column one row for each example")
    return Table(columns, next(iter(lengths.values())))


def _read(frame: Frame, wanted: Sequence[str] | Wanted) -> dict[str, Column]:
    """The wanted columns of a frame."""
    return {name: frame.column(name) for name in expanded(wanted, frame.names) if name in frame.names}


def _by_name(split: str, part: Any, wanted: Sequence[str]) -> Any:
    """One of `(x, y)`: of a frame the wanted columns, or all of them side by side where it has none of these."""
    if isinstance(part, Mapping | np.ndarray | list | tuple):
        return part
    frame = frame_of(part, split)
    if frame is None or (read := _read(frame, wanted)):
        return part if frame is None else read
    columns = [frame.column(name) for name in frame.names]
    unreadable = [column.array is None or column.array.dtype.kind == "M" for column in columns]
    if any(unreadable):
        wrong = frame.names[unreadable.index(True)]
        message = f"`{wrong}` of split `{split}` is neither numbers nor text, and the frame is read as a whole"
        raise bad_data("given-data", message, "name columns with `column:` or `columns:` in the configuration")
    return columns[0] if len(columns) == 1 else np.column_stack([column.array for column in columns])


def _collected(split: str, examples: Iterator[Any]) -> Any:
    """All examples of an iterator, as what may be given for a split: a dictionary of lists, or two lists."""
    try:
        every = list(examples)
    except Exception as error:
        message = f"the iterator over split `{split}` failed: {kind_and_line(error)}"
        raise bad_data("given-data", message, "correct it where it raises this") from error
    if not every:
        message = f"the iterator over split `{split}` gives no examples"
        raise bad_data("given-data", message, "give a new one each time: an iterator can be read only once")
    first = _form(every[0])
    if first is None:
        message = f"the iterator over split `{split}` gives {type(every[0]).__name__}, not single examples"
        raise bad_data("given-data", message, "give a pair (x, y) or a dictionary by column for each example")
    wrong = next((number for number, example in enumerate(every) if _form(example) != first), None)
    if wrong is not None:
        message = f"example {wrong} of split `{split}` is not made as the first one is"
        raise bad_data("given-data", message, "give every example the same columns")
    if isinstance(every[0], Mapping):
        return _lists(every)
    return tuple(_lists([example[place] for example in every]) for place in (0, 1))


def _form(example: Any) -> Any:
    """What an example consists of: the names of its columns, or of those of both parts; None for what is no example."""
    if isinstance(example, Mapping):
        return sorted(example)
    if not isinstance(example, tuple) or len(example) != 2:
        return None
    return [sorted(part) if isinstance(part, Mapping) else "" for part in example]


def _lists(parts: list[Any]) -> Any:
    """Values of examples by column, where they are given so."""
    return {name: [part[name] for part in parts] for name in parts[0]} if isinstance(parts[0], Mapping) else parts


def bad_data(code: str, message: str, help: str) -> RunError:
    """The error for data given in Python."""
    return RunError(Problem(code, message, _KEY, help=help))


def by_field(x: Any, y: Any, wanted: Wanted) -> dict[str, Any]:
    """Both parts of `(x, y)` in one dictionary by field name."""
    inputs = x if isinstance(x, Mapping) else {_only(wanted.inputs, "input"): x}
    targets = y if isinstance(y, Mapping) else {_only(wanted.targets, "target"): y}
    twice = [name for name in inputs if name in targets and inputs[name] is not targets[name]]
    if twice:
        help = "name the fields differently, with `column:` in the configuration"
        raise bad_data("given-data", f"`{twice[0]}` is given both as an input and as a target", help)
    return {**inputs, **targets}


def _only(columns: Sequence[str], what: str) -> str:
    if len(columns) > 1:
        message = f"the configuration reads {len(columns)} {what} columns, and a single array is given for them"
        raise bad_data("given-data", message, f"give a dictionary of arrays by name: {', '.join(columns)}")
    return columns[0]


def _array(split: str, name: str, value: Any) -> Column:
    """What was given as an array: of NumPy's, TensorFlow's or a list; or a series."""
    if isinstance(value, Column):
        return value
    if not isinstance(value, np.ndarray | list | tuple) and (series := series_of(value)) is not None:
        return series_column(series, split, name)
    try:
        array, padded = _as_array(value)
    except _UnevenError:
        message = f"`{name}` of split `{split}` has rows that differ in length, or in more than that"
        raise bad_data(
            "given-data", message, "give rows of one shape; of numbers, their lengths alone may differ"
        ) from None
    except Exception as error:  # tensors without values
        raise bad_data("given-data", f"`{name}` of split `{split}` is no array ({error})", FORMS) from error
    nested = type_name(array.dtype) == "object" and any(np.ndim(item) for item in array.reshape(-1)[:1000])
    if array.ndim == 0 or nested:
        message = f"`{name}` of split `{split}` is {type(value).__name__}, not an array with a row for each example"
        raise bad_data("given-data", message, FORMS)
    return Column(array, SourceField(array.shape[1:], type_name(array.dtype), ragged=padded))


class _UnevenError(ValueError):
    """Rows that no array holds."""


def _as_array(value: Any) -> tuple[np.ndarray, bool]:
    """An array of what was given, and whether its rows had unequal lengths and are padded with NaN at their ends.

    Raises:
        _UnevenError: for rows of unequal lengths that hold no numbers, or differ in more than their first axis.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        return _padded(value), True
    if array.dtype.kind == "U" and array.ndim == 1 and not isinstance(value, np.ndarray):
        items = list(value)
        if not all(isinstance(item, str) for item in items):  # NumPy would make text of the others
            return np.array(items, object), False
    return array, False


def _padded(value: Any) -> np.ndarray:
    try:
        items = [np.asarray(item) for item in value]
    except ValueError:
        raise _UnevenError from None
    numbers = all(item.ndim and item.dtype.kind in "iuf" for item in items)
    if not numbers or len({item.shape[1:] for item in items}) != 1:
        raise _UnevenError
    shape = (len(items), max(map(len, items)), *items[0].shape[1:])
    padded = np.full(shape, np.nan, np.result_type(*items, np.float32))
    for row, item in zip(padded, items, strict=True):
        row[: len(item)] = item
    return np.asarray(padded)

"""Which columns of a source inputs and targets read: names, lists and patterns, several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit import mapped
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data.parts import Part, within
from dlkit.schema.column import fitting, is_pattern
from dlkit.schema.data import Data
from dlkit.schema.source import SourceField

Columns = dict[Key, tuple[str, ...]]
# Bytes of columns that are put side by side at a time: as many as a processor holds close by.
_TOGETHER = 2**20


def resolve(data: Data, fields: Mapping[str, SourceField], others: Sequence[str] = ()) -> Columns:
    """The columns that each input and target reads, by path of its settings; and of the weights, where there are any.

    A pattern of an input leaves out what targets and weights read.

    Args:
        data: the section of the configuration.
        fields: the columns that were read.
        others: names of those that were not, for the hints of messages.

    Raises:
        ConfigError: naming every column that the source does not have, every pattern that none of them fits, and
            columns of text beside columns of numbers.
    """
    inputs: dict[Key, tuple[str, ...]] = {("data", "inputs", n): s.wanted(n) for n, s in data.inputs.items()}
    labels: dict[Key, tuple[str, ...]] = {("data", "targets", n): s.wanted(n) for n, s in data.targets.items()}
    if data.weights is not None:
        labels["data", "weights"] = (data.weights,)
    taken = {column for patterns in labels.values() for pattern in patterns for column in fitting(pattern, fields)}
    found, problems = {}, []
    for key, patterns in (inputs | labels).items():
        free = [name for name in fields if key in labels or name not in taken]
        columns: list[str] = []
        for number, pattern in enumerate(patterns):
            fit = fitting(pattern, free if is_pattern(pattern) and pattern not in fields else fields)
            if not fit:
                problems.append(_unknown(pattern, [*fields, *others], _place(data, key, number)))
            problems += [
                _unreadable(name, fields[name], _place(data, key, number))
                for name in fit
                if not _is_readable(fields[name].dtype)
            ]
            columns += [name for name in fit if name not in columns]
        problems += _mixed({name: fields[name] for name in columns if _is_readable(fields[name].dtype)}, key)
        found[key] = tuple(columns)
    if problems:
        raise ConfigError(problems)
    return found


def _place(data: Data, key: Key, number: int) -> Key:
    """The setting that names a column."""
    if key == ("data", "weights"):
        return key
    settings: Any = (data.inputs if key[1] == "inputs" else data.targets)[str(key[2])]
    if settings.columns is not None:
        return (*key, "columns", number) if isinstance(settings.columns, list) else (*key, "columns")
    return (*key, "column") if settings.column is not None else key


def _is_readable(dtype: str) -> bool:
    """Whether some kind reads columns of this type: numbers, text, and objects, which may be text."""
    try:
        return dtype in ("string", "object", "bfloat16") or np.dtype(dtype).kind in "biuf"
    except TypeError:
        return False


def _unreadable(name: str, field: SourceField, key: Key) -> Problem:
    message = f"the column `{name}` holds {field.dtype}, which is neither numbers nor text"
    help = (
        "turn it into numbers or text in the source: of dates, the days since one of them, or parts such as the month"
    )
    return Problem("field-type", message, key, help=help)


def _mixed(fields: Mapping[str, SourceField], key: Key) -> list[Problem]:
    """Columns of text beside columns of numbers, which no array holds without making text of the numbers."""
    types = {name: field.dtype for name, field in fields.items()}
    text = [name for name, dtype in types.items() if dtype in ("string", "object")]
    numbers = [name for name in types if name not in text]
    if not text or not numbers:
        return []
    message = f"`{key[-1]}` reads text and numbers side by side: {_some(text, types)}, and {_some(numbers, types)}"
    help = "give the columns of text and those of numbers an input each" if key[1] == "inputs" else "name one column"
    if (why := next((fields[name].why_text for name in text if fields[name].why_text), None)) is not None:
        words, more = why()  # a column of numbers may be text because of one field
        message, help = f"{message}; {words}", f"{more}; or {help}"
    return [Problem("mixed-types", message, key, help=help)]


def _some(names: Sequence[str], types: Mapping[str, str]) -> str:
    """Columns with their types, a few of many."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"`{name}` ({types[name]})" for name in names[:5]) + more


def _unknown(name: str, fields: Sequence[str], key: Key) -> Problem:
    if is_pattern(name):
        help = did_you_mean(name, fields, "its columns are")
        return Problem("unknown-column", f"no column of the source fits `{name}`", key, help=help)
    help = did_you_mean(name, fields, "its columns are")
    help += "" if key[-1] != name else "; name it with `column:` if it differs from the name here"
    return Problem("unknown-column", f"the source has no column `{name}`", key, help=help)


def side_by_side(columns: Mapping[str, SourceField]) -> SourceField:
    """Several columns as one: a vector of their values, whose `classes` are their names. One stays as it is."""
    fields = list(columns.values())
    if len(fields) == 1:
        return fields[0]
    ragged = any(field.ragged for field in fields)
    widths = [1 if field.shape in ((), None) else int(np.prod([size or 1 for size in field.shape])) for field in fields]
    types = {field.dtype for field in fields}
    if "object" in types:
        return SourceField((sum(widths),), "object", ragged=ragged)
    dtype = "string" if "string" in types else str(np.result_type(*types))
    names = tuple(columns) if sum(widths) == len(columns) else ()
    why = next((field.why_text for field in fields if field.why_text is not None), None)
    return SourceField((sum(widths),), dtype, names, ragged, why_text=why)


def joined(columns: Sequence[Sequence[np.ndarray]], parts: Sequence[Part]) -> np.ndarray:
    """Some rows of columns, side by side in an array of shape (rows, values); those of one column keep their shape.

    Args:
        columns: the arrays of each: one for each part.
        parts: which rows of these arrays.
    """
    if len(columns) == len(parts) == 1:
        return parts[0].of(columns[0][0])
    widths = [int(np.prod(arrays[0].shape[1:], dtype=np.int64)) for arrays in columns]
    every = [array.dtype for arrays in columns for array in arrays]
    # Objects where types differ, so that each value stays what it is.
    mixed = len({dtype.kind if dtype.kind in "OSTU" else "" for dtype in every}) > 1
    rows = sum(part.size or 0 for part in parts)
    found, start = mapped.empty((rows, sum(widths)), object if mixed else np.result_type(*every)), 0
    for number, part in enumerate(parts):
        own = found[start : start + (part.size or 0)]
        for piece in mapped.parts(own, _TOGETHER):
            few, left = within(part, piece), 0
            for arrays, width in zip(columns, widths, strict=True):
                own[piece, left : left + width] = few.of(arrays[number]).reshape(-1, width)
                left += width
        start += len(own)
    return found if len(columns) > 1 else found.reshape(rows, *columns[0][0].shape[1:])


def joined_example(values: list[tf.Tensor]) -> tf.Tensor:
    """Columns side by side, for one example of a stream."""
    if len(values) == 1:
        return values[0]
    text = any(value.dtype == tf.string for value in values)
    kind = tf.string if text else np.result_type(*(value.dtype.as_numpy_dtype for value in values))
    return tf.concat([tf.reshape(tf.cast(value, kind), [-1]) for value in values], axis=0)

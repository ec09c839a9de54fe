"""Columns of Arrow's as NumPy arrays with a row for each example: of Parquet files and of data frames.

Missing numbers are NaN, missing text is the empty text. Dates and timestamps are datetime64[us], in UTC, for what puts
rows in order. Another type that is neither numbers nor text has no array. The field says what it is, so that it is
refused where an input names the column.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dlkit.lazy import lazy
from dlkit.schema.source import SourceField, type_name
from dlkit.sources._magic import encoding_of
from dlkit.sources._texts import text_of

np, pa, pc = lazy("numpy"), lazy("pyarrow"), lazy("pyarrow.compute")
types = lazy("pyarrow.types")


class Column(NamedTuple):
    """A column as a source gives it: the array, which is None where it cannot be read, and what it is."""

    array: Any
    field: SourceField


class UnreadableError(ValueError):
    """Values that no array holds; the message says why, and what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


def column_of(values: Any) -> Column:
    """A column of Arrow's.

    Args:
        values: an `Array` or a `ChunkedArray`.

    Raises:
        UnreadableError: for numbers that would lose digits, and lists of unequal shapes.
    """
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    values = _plain(values)
    kind = values.type
    word = unreadable(kind)
    if types.is_timestamp(kind) or types.is_date(kind):
        moments = pc.cast(values, pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        return Column(moments.to_numpy(zero_copy_only=False), SourceField((), word))
    if word:
        return Column(None, SourceField(None, word))
    if _is_text(kind):
        return Column(text_of(values.cast(pa.string())), SourceField((), "string"))
    if _is_binary(kind):
        return _encoded(values)
    if _is_list(kind):
        return _rows(values)
    array = _numbers(values)
    return Column(array, SourceField((), type_name(array.dtype)))


def joined(columns: list[Column]) -> Column:
    """The same column of several files, one after the other."""
    if len(columns) == 1 or columns[0].array is None:
        return columns[0]
    lengths = {column.array.shape[1:] for column in columns}
    if len(lengths) > 1:
        raise UnreadableError("its rows have other lengths in one file than in another", "give all one length")
    array = np.concatenate([column.array for column in columns])
    ragged = any(c.field.ragged for c in columns)
    dtype = columns[0].field.dtype if array.dtype.kind in "MOU" else type_name(array.dtype)
    return Column(array, SourceField(array.shape[1:], dtype, ragged=ragged, encoding=columns[0].field.encoding))


def unreadable(kind: Any) -> str:
    """What values of a type are, where they are neither numbers nor text; empty for all others."""
    for is_one, word in (
        (types.is_decimal, "decimals"), (types.is_timestamp, "timestamps"), (types.is_date, "dates"),
        (types.is_time, "times"), (types.is_duration, "durations"), (types.is_interval, "intervals"),
        (types.is_map, "maps"), (types.is_struct, "structs"), (types.is_union, "unions"),
    ):  # fmt: skip
        if is_one(kind):
            return word
    if _is_list(kind):
        inner = unreadable(kind.value_type) or ("text" if _is_text(kind.value_type) else "")
        return f"lists of {inner}" if inner else ""
    return ""


def field_of(kind: Any) -> SourceField | None:
    """What a type alone says of a column; None where the values must be seen."""
    if types.is_dictionary(kind):
        return field_of(kind.value_type)
    if unreadable(kind):
        return SourceField(() if types.is_timestamp(kind) or types.is_date(kind) else None, unreadable(kind))
    if _is_text(kind):
        return SourceField((), "string")
    return None if _is_list(kind) or _is_binary(kind) else SourceField((), "float64")


def _plain(values: Any) -> Any:
    """Dictionaries as their values, extension types as what they store, structs of an encoded file as its bytes."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return _plain(values.storage)
    if types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type))
    if (
        types.is_struct(kind)
        and "bytes" in (names := [field.name for field in kind])
        and set(names) <= {"bytes", "path"}
    ):
        return values.field("bytes")
    return values


def _numbers(values: Any) -> Any:
    """Numbers, NaN where one is missing."""
    if types.is_null(values.type):
        return np.full(len(values), np.nan)
    if types.is_boolean(values.type):
        values = values.cast(pa.uint8()) if values.null_count else values
    if not values.null_count:
        return values.to_numpy(zero_copy_only=False)
    if types.is_integer(values.type):
        try:
            values = values.cast(pa.float64())
        except pa.ArrowInvalid:  # it refuses to round
            help = "fill in the missing ones, or make text of the column"
            raise UnreadableError("it has missing values, and whole numbers too large for a float", help) from None
    return values.to_numpy(zero_copy_only=False)


def _encoded(values: Any) -> Column:
    """Bytes of pictures or sounds, as their first value shows."""
    first = next((bytes(v) for v in values.slice(0, 100).to_pylist() if v), b"")
    encoding = encoding_of(first)
    if not encoding:
        return Column(None, SourceField(None, "raw bytes"))
    array = np.array([b"" if value is None else value for value in values.to_pylist()] + [None], object)[:-1]
    return Column(array, SourceField((), "string", encoding=encoding))


def _rows(values: Any) -> Column:
    """Lists of numbers as rows: of one shape, or padded with NaN at the end of the first axis."""
    if values.null_count:
        row = int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])
        raise UnreadableError(f"row {row} of its lists is missing", "fill it in, or remove the row")
    inner = column_of(values.flatten())
    if types.is_fixed_size_list(values.type):
        lengths = np.full(len(values), values.type.list_size)
    else:
        lengths = pc.list_value_length(values).to_numpy(zero_copy_only=False)
    if inner.array is None or inner.field.dtype == "string":
        return Column(None, SourceField(None, f"lists of {inner.field.dtype}"))
    shape = inner.array.shape[1:]
    if not len(lengths) or lengths.min() == lengths.max():
        width = int(lengths[0]) if len(lengths) else 0
        array = inner.array.reshape(len(values), width, *shape)
        return Column(array, SourceField(array.shape[1:], type_name(array.dtype), ragged=inner.field.ragged))
    if inner.field.ragged:
        raise UnreadableError(
            "its lists differ in length in more than one axis", "give all axes but the first one size"
        )
    padded = np.full((len(values), int(lengths.max()), *shape), np.nan, np.result_type(inner.array.dtype, np.float32))
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = inner.array
    return Column(padded, SourceField(padded.shape[1:], type_name(padded.dtype), ragged=True))


def _is_text(kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_binary(kind: Any) -> bool:
    tests = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(test(kind) for test in tests)


def _is_list(kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))

"""The features of TFRecord examples: as a configuration states them, and as records hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.short_forms import Word
from dlkit.lazy import lazy
from dlkit.schema.base import Section
from dlkit.schema.source import SourceField
from dlkit.sources._magic import encoding_of

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

tf = lazy("tensorflow")

# The three types that records have, by the name of the list that holds them.
KINDS = {"int64_list": "int64", "float_list": "float32", "bytes_list": "string"}
OfBytes = Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "float16", "float64"]


class RecordFeature(Section):
    """One feature of the examples: a type, as in `label: int64`, or how its bytes are to be read."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "dtype": "type", "shape": "size, length", "encoding": "format", "optional": "nullable, may_be_missing, sparse",
    }  # fmt: skip
    words_also_called: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "dtype": {"float": "float32", "int": "int64", "bytes": "string", "text": "string", "str": "string"},
        "encoding": {"jpeg": "image", "jpg": "image", "png": "image", "wav": "audio", "bytes": "raw"},
    }

    dtype: Literal["int64", "float32", "string"] | OfBytes | None = Field(
        None, description="`int64`, `float32` or `string`, as records have them; with `encoding: raw` any of NumPy's."
    )
    shape: list[Annotated[int, Field(gt=0)] | None] = Field(
        default_factory=list,
        description="Of one example, `[]` for a single value. The first size may be null, where examples differ in "
        "length: numbers are then padded with NaN at the end.",
    )
    encoding: Literal["image", "audio", "raw"] | None = Field(
        None, description="`image` or `audio` where values are such files, `raw` for bytes of numbers."
    )
    optional: bool = Field(
        False,
        description="Whether records may lack it: a missing number is NaN, a missing text empty, and a missing file "
        "one that cannot be read.",
    )

    @property
    def stored(self) -> str:
        """The type that records have."""
        return "string" if self.encoding is not None or self.dtype is None else self.dtype

    @property
    def ragged(self) -> bool:
        """Whether examples may differ in length."""
        return None in self.shape

    @property
    def inner(self) -> tuple[int, ...]:
        """The sizes that are fixed."""
        return tuple(size for size in self.shape if size is not None)

    @property
    def values(self) -> str:
        """NumPy name of the type of its values; whole numbers of which some may be NaN become floats."""
        return "float64" if (self.ragged or self.optional) and self.dtype == "int64" else self.dtype or "string"

    def field(self, longest: int | None = None) -> SourceField:
        """The column of a source.

        Args:
            longest: the length that all examples are padded to; None where each has its own.
        """
        if self.encoding in ("image", "audio"):
            return SourceField((), "string", encoding=self.encoding, hint=self.encoding)
        shape = (longest, *self.inner) if self.ragged else tuple(self.shape)
        return SourceField(shape, self.values, ragged=self.ragged and longest is not None)

    def wrong(self) -> tuple[str, str, str] | None:
        """What contradicts itself: the setting, what is wrong, and what to do; None where nothing does."""
        if self.optional and (self.encoding == "raw" or self.ragged):
            what = "lists that differ in length may be empty anyway" if self.ragged else "bytes of numbers have no NaN"
            return "optional", what, "leave it out"
        if self.encoding in ("image", "audio"):
            if self.shape:
                help = f"leave it out; the input of `kind: {self.encoding}` decides on sizes"
                return "shape", f"the size of {self.encoding} files is not stated here", help
            if self.dtype not in (None, "string"):
                return "dtype", f"{self.encoding} files are bytes, not {self.dtype}", "leave it out"
            return None
        if self.dtype is None:
            return "dtype", "nothing says what it holds", "write `dtype: int64`, `float32` or `string`"
        if self.encoding == "raw" and self.dtype == "string":
            return "dtype", "`encoding: raw` reads bytes of numbers", "write the type of these, such as `dtype: uint8`"
        if self.encoding is None and self.dtype not in KINDS.values():
            help = "write `int64` or `float32`; or `encoding: raw`, where the numbers are written as bytes"
            return "dtype", f"records hold no numbers of the type {self.dtype}", help
        if None in self.shape[1:]:
            return "shape", "only the first size can differ between examples", "write a number for the others"
        if self.ragged and self.stored == "string":
            return "shape", "only lists of int64 and float32 can differ in length", "write the number of values"
        return None

    # Parsing.

    def spec(self) -> Any:
        """For `tf.io.parse_example`."""
        if self.ragged or self.optional:
            return tf.io.RaggedFeature(self.stored)
        return tf.io.FixedLenFeature([] if self.encoding is not None else self.shape, self.stored)

    def of_batch(self, parsed: Any) -> Any:
        """Parsed examples as an array, first axis the examples; where they differ in length, a list of arrays.

        Raises:
            ValueError: if one does not fit.
        """
        if self.ragged:
            parts = np.split(parsed.values.numpy().astype(self.values), parsed.row_splits.numpy()[1:-1])
            return [part.reshape(-1, *self.inner) for part in parts]
        values = self._filled(parsed) if self.optional else parsed.numpy()
        if self.encoding == "raw":
            return np.stack([np.frombuffer(one, self.values).reshape(self.inner) for one in values])
        if self.encoding is None and self.dtype == "string":
            text = np.empty(values.size, object)
            text[:] = [one.decode() for one in values.reshape(-1)]
            return text.reshape(values.shape)
        return values

    def _filled(self, parsed: Any) -> Any:
        """The lists of some examples, of which some may be empty, as an array."""
        size, lengths = math.prod(self.inner), parsed.row_lengths().numpy()
        if not np.isin(lengths, (0, size)).all():
            raise ValueError(f"lists of {size} values are expected")
        numbers = self.stored != "string"
        filled = np.full((len(lengths), size), np.nan if numbers else b"", self.values if numbers else object)
        filled[lengths > 0] = parsed.values.numpy().reshape(-1, size)
        return filled.reshape(len(lengths), *self.inner)

    def present(self, values: Any) -> int:
        """How many values of an array are not missing."""
        return sum(map(bool, values.reshape(-1))) if values.dtype == object else int((~np.isnan(values)).sum())

    def of_example(self, parsed: Any) -> Any:
        """A parsed example of a stream as a tensor."""
        if self.ragged:
            return tf.cast(tf.reshape(parsed, (-1, *self.inner)), self.values)
        if self.optional:
            missing = tf.fill(self.inner, "" if self.stored == "string" else tf.constant(math.nan, self.values))
            return tf.cond(
                tf.size(parsed) == 0, lambda: missing, lambda: tf.cast(tf.reshape(parsed, self.inner), self.values)
            )
        return tf.reshape(tf.io.decode_raw(parsed, self.values), self.shape) if self.encoding == "raw" else parsed

    def misfit(self, name: str, held: Any) -> str:
        """Why what a record holds under this name cannot be read; empty where it can.

        Args:
            name: of the feature.
            held: a `tf.train.Feature`, None where there is none.
        """
        list_name = None if held is None else held.WhichOneof("kind")
        if self.optional and (list_name is None or not getattr(held, list_name).value):
            return ""
        if list_name is None:
            return "" if self.ragged else f"it has no feature `{name}`"
        values, stored = getattr(held, list_name).value, KINDS[list_name]
        if stored != self.stored:
            return f"`{name}` holds {stored}, not {self.stored}"
        expected = 1 if self.encoding is not None else math.prod(self.inner)
        if len(values) % expected if self.ragged else len(values) != expected:
            words = "a multiple of " if self.ragged else ""
            return f"`{name}` holds {count(len(values), 'value')}, not {words}{expected:,}"
        if self.encoding == "raw":
            size = math.prod(self.inner) * np.dtype(self.values).itemsize
            return "" if len(values[0]) == size else f"`{name}` holds {len(values[0]):,} bytes, not {size:,}"
        if self.encoding is None and stored == "string" and any(_text(value) is None for value in values):
            return f"`{name}` holds bytes that are no text in UTF-8"
        return ""


AnyFeature = Annotated[RecordFeature, Word("dtype")]


def stated(examples: Sequence[Any]) -> dict[str, Any]:
    """The features that some examples have, as a configuration states them.

    Args:
        examples: `tf.train.Example`s.
    """
    lists: dict[str, list[Any]] = {}
    for example in examples:
        for name, held in sorted(example.features.feature.items()):
            list_name = held.WhichOneof("kind")
            if list_name is not None and (values := getattr(held, list_name).value):
                lists.setdefault(name, []).append((KINDS[list_name], values))
    return {name: _stated(held, lacking=len(held) < len(examples)) for name, held in lists.items()}


def _stated(held: list[tuple[str, Any]], *, lacking: bool) -> Any:
    """One feature, by its values in the examples that have it; `lacking` where others do not."""
    optional = {"optional": True} if lacking else {}
    stored, lengths = held[0][0], {len(values) for _, values in held}
    length = lengths.pop() if len(lengths) == 1 else None
    if stored == "string" and length == 1:
        first = bytes(held[0][1][0])
        if encoding := encoding_of(first):
            return {"encoding": encoding, **optional}
        if any(_text(values[0]) is None for _, values in held):
            return {"encoding": "raw", "dtype": "uint8", "shape": [len(first)]}
    if length is None:
        return {"dtype": stored, "shape": [None]}
    shape = {} if length == 1 else {"shape": [length]}
    return {"dtype": stored, **shape, **optional} if shape or optional else stored


def _text(value: bytes) -> str | None:
    """Bytes as text; None where they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None

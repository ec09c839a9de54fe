"""What every source is: the base of the classes in `dlkit/sources/`, their registry, and what an opened one gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from dlkit.config.problems import Problem
from dlkit.schema.base import Section
from dlkit.schema.column import fitting, is_pattern
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from dlkit.schema import Config


@dataclass(frozen=True)
class Wanted(Collection[str]):
    """The columns of a source that a run reads: a collection of their names and patterns, each once.

    Attributes:
        inputs: those that inputs read.
        targets: those that targets read.
        others: those that neither reads, such as weights.
        cleans_unreadable: whether examples that cannot be read are left out later, so that they stop nothing.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    others: tuple[str, ...] = ()
    cleans_unreadable: bool = False

    def names(self) -> list[str]:
        """Every name once, inputs first."""
        return list(dict.fromkeys([*self.inputs, *self.targets, *self.others]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()


def cleans_unreadable(wanted: Collection[str]) -> bool:
    """Whether a run leaves out later what cannot be read; never for the plain names that `describe` gives."""
    return isinstance(wanted, Wanted) and wanted.cleans_unreadable


class Unreadable(str):
    """Why a value of a column of text cannot be read: it stands in its place where cleaning leaves such rows out."""


def expanded(wanted: Collection[str], names: Collection[str]) -> list[str]:
    """The wanted columns, each once, with those that fit a pattern in its place; nothing for one that none fits.

    Args:
        wanted: names and patterns.
        names: the columns that there are.
    """
    found = [fitting(name, names) if is_pattern(name) else [name] for name in wanted]
    return list(dict.fromkeys(name for some in found for name in some))


@dataclass(frozen=True)
class Piece:
    """Consecutive examples of one split of a source.

    Attributes:
        split: name of the split in the source.
        start: number of the first example, from 0.
        stop: number after the last one; None for all there are, where their number is unknown.
    """

    split: str
    start: int
    stop: int | None

    @property
    def size(self) -> int | None:
        """Number of examples, None where unknown."""
        return None if self.stop is None else self.stop - self.start

    def of(self, column: np.ndarray) -> np.ndarray:
        """These examples of a whole column of the split, as a view."""
        return column[self.start : self.stop]

    def row(self, number: int) -> int:
        """The number in the split of one of these examples."""
        return self.start + number


@dataclass(frozen=True)
class SourceField:
    """One column of a source, as the source holds it.

    Attributes:
        shape: of one example; None for a size that varies, or as a whole where even the rank is unknown.
        dtype: NumPy name of the type, or `string` or `object`.
        classes: names of the classes, in order of their integers; empty where there are none or unknown.
        ragged: whether examples differ in length, and were padded with NaN at the end of their first axis.
        encoding: `image` or `audio` where each value is the path of such a file, or its content, which the kind of the
            input decodes; empty where values are what they stand for.
        decoded: NumPy name of the type that decoding such files gives without loss, where the source has looked.
        hint: the kind that the source knows its values to be of, for `dlkit init` alone; empty where it does not.
        why_text: of a column of text that could be expected to hold numbers: gives the first value that is none with
            its place, and what to do about it. It may read a file again, so only messages ask for it.
    """

    shape: tuple[int | None, ...] | None
    dtype: str
    classes: tuple[str, ...] = ()
    ragged: bool = False
    encoding: str = ""
    decoded: str = ""
    hint: str = ""
    why_text: Callable[[], tuple[str, str]] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class BaseRows:
    """The rows of a table that the examples of a split are cut from, each of which covers several.

    Base rows are numbered from 0, series by series, and within a series in the order of time. Example `i` covers the
    base rows `first[i]` to `first[i] + span - 1`, which are of one series. It predicts the last `ahead` of these, and
    only looks at those before: a test example may look at rows of training, but no training example may cover a row
    that a test example predicts.

    Attributes:
        first: base row at which each example begins: int64, shape (examples,).
        span: base rows that an example covers.
        ahead: how many of these, at the end, are what is predicted.
        gap: how many before these are not known either when it is predicted.
        series: number of the series of each base row: int32, shape (base rows,).
        names: names of the series by their number.
        times: when each base row is: datetime64[us], or int64 where time is counted in numbers: shape (base rows,).
        season: base rows after which a series is like itself, as 12 for months; 1 where nothing says it.
        values: by column of the source, all base rows of the channels that it is cut from: float32, shape (base rows,
            channels).
    """

    first: np.ndarray
    span: int
    ahead: int
    series: np.ndarray
    names: tuple[str, ...]
    times: np.ndarray
    season: int
    values: Mapping[str, np.ndarray]
    gap: int = 0


@dataclass(frozen=True)
class SourceData:
    """An opened source. It has `arrays`, or `stream` for what can only be read from its start.

    Attributes:
        name: what it is called in messages and fingerprints, with its version where it has one.
        sizes: number of examples by split, None where unknown; empty where not even the splits are known yet.
        fields: columns by name.
        arrays: name of a split to whole columns by field name, which must not be written to.
        stream: pieces to a dataset of single examples, dictionaries by field name. Given a seed, files are read in
            an order that follows from it; given None, examples come in the source's own order.
        notes: lines to show the user.
        others: names of further columns, which were not read.
        place: a split and the number of a row in it to words for where the row is, such as `people.csv:18` or
            `cats/012.jpg`; None where there is nothing better than its number.
        fingerprint: what changes when the examples do, such as sizes and times of files, for the store of prepared
            examples; None where that is unknown, and nothing is kept for the next run.
        span: base rows that an example covers: more than 1 where examples are windows, which may overlap.
        base: name of a split to the base rows of its examples, where `span` is more than 1.
    """

    name: str
    sizes: Mapping[str, int | None]
    fields: Mapping[str, SourceField]
    arrays: Callable[[str], Mapping[str, np.ndarray]] | None = None
    stream: Callable[[Sequence[Piece], int | None], tf.data.Dataset] | None = None
    notes: tuple[str, ...] = field(default=())
    others: tuple[str, ...] = ()
    place: Callable[[str, int], str] | None = None
    fingerprint: str | None = None
    span: int = 1
    base: Callable[[str], BaseRows] | None = None


@dataclass(frozen=True)
class SourceRows:
    """Words for the rows of a source, which are counted through all of its splits; it holds none of its values.

    Attributes:
        sizes: number of examples by split.
        place: as of `SourceData`.
    """

    sizes: Mapping[str, int | None]
    place: Callable[[str, int], str]

    def __call__(self, number: int) -> str:
        """Words for one row."""
        for split, size in self.sizes.items():
            if number < (size or 0):
                return self.place(split, number)
            number -= size or 0
        return f"row {number}"


def fields_of(columns: Mapping[str, np.ndarray]) -> dict[str, SourceField]:
    """The fields that arrays have by themselves."""
    return {name: SourceField(array.shape[1:], type_name(array.dtype)) for name, array in columns.items()}


def type_name(dtype: np.dtype) -> str:
    """`float32` and so on; `string` for all kinds of text, `object` for Python objects."""
    return {"U": "string", "S": "string", "T": "string", "O": "object"}.get(dtype.kind, dtype.name)


class SourceSettings(Section):
    """What every source has.

    A new source is a file in `dlkit/sources/`, whose class has the file's name as `kind: Literal[...]`.
    """

    # What people call this source elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # Whether its examples are windows, which are divided by time or in whole series.
    gives_windows: ClassVar[bool] = False
    # How the names of files end that hold a table each, which it reads by their path alone.
    table_endings: ClassVar[tuple[str, ...]] = ()

    kind: str

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """How `dlkit init` would have this source read what the user names; None where it cannot."""
        return None

    @classmethod
    def set_names(cls) -> list[str]:
        """Names of sets that are on this machine, for a hint where one does not exist."""
        return []

    def open(self, wanted: Wanted) -> SourceData:
        """The source with the wanted columns; it need not read what nobody asked for.

        Raises:
            ConfigError: the settings do not fit what is there.
            RunError: the data cannot be read.
        """
        raise NotImplementedError(f"the source `{self.kind}` has no `open`")

    def open_table(self, wanted: Wanted, as_text: Collection[str]) -> SourceData:
        """Columns of a table that a model predicts for; fields of those `as_text` stay as they are written."""
        return self.open(wanted)

    def describe(self) -> SourceData | None:
        """What is known without reading any example or using a network; None where that is nothing.

        Raises:
            ConfigError: the settings do not fit what is there.
        """
        return None

    def in_python(self) -> tuple[list[str], list[str]] | None:
        """How a script reads it without dlkit; None where that takes more than a few lines.

        Returns:
            The lines of a function `column(name, split)`, which gives a column of a split of the source as an array,
            with the same values and type as `open` gives it; and the imports that it needs beside NumPy.
        """
        return None

    def rules(self, config: Config) -> Iterator[Problem]:
        """What is wrong with the source, given the whole configuration."""
        yield from ()


SOURCES = Registry("source", SourceSettings, "kind", package="dlkit.sources")

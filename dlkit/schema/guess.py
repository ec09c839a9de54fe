"""What `dlkit init` asks sources and kinds: whether a path or a column is theirs, with which settings, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from dlkit.schema.source import SourceField
else:
    np = lazy("numpy")

# Texts of which lengths and letters are looked at.
LOOKED_AT = 10_000
# Words in names of columns whose numbers stand for things.
CODES = frozenset({"code", "type", "category", "class", "group", "zip", "postcode", "plz", "kind", "region", "cluster"})


@dataclass(frozen=True)
class Asked:
    """What the user wants a configuration for.

    Attributes:
        given: a path or a name, as it was written.
        target: the column that is to be predicted; empty where the user names none.
    """

    given: str
    target: str = ""

    @property
    def path(self) -> Path | None:
        """What is there; None for a name."""
        path = Path(self.given).expanduser()
        return path if path.exists() else None

    def file(self, *endings: str) -> Path | None:
        """The file that is given, if its name ends so."""
        path = self.path
        return path if path is not None and path.is_file() and path.name.lower().endswith(endings) else None


@dataclass(frozen=True)
class SourceGuess:
    """A source that can read what is given.

    Attributes:
        score: how well it fits, at most 1; the best is taken.
        settings: of the section `data.source`; relative paths start at the working directory.
        reason: why.
        target: the column that is to be predicted, where the source has decided it.
        why_target: why that.
        predicts: what the user may call it, where that is another column of the table.
        left_out: columns, or patterns of them, that are not to be read, with the reason.
        doubt: why another source may be meant; the next best one is then shown.
    """

    score: float
    settings: Mapping[str, Any]
    reason: str
    target: str = ""
    why_target: str = ""
    predicts: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""


@dataclass(frozen=True)
class Recipe:
    """A network and its training that suit a kind.

    Attributes:
        score: the recipe of the input or target that has the highest is taken.
        model: of the section `model`.
        why: of the network.
        training: of the section `training`, without epochs.
        epochs: passes for a good result, where time is not short.
        patience: epochs without improvement; None for training to the last epoch.
        batch_size: examples per update.
        multiply_adds: of the forward pass of an example, where they are so many that training may take hours.
    """

    score: float
    model: Mapping[str, Any]
    why: str
    training: Mapping[str, Any]
    epochs: int
    patience: int | None
    batch_size: int = 32
    multiply_adds: float = 0.0


@dataclass(frozen=True)
class Option:
    """A line that is written as a comment, for the user to take.

    Attributes:
        key: of the setting below the column.
        value: of it.
        reason: why it may be wanted, or is not written as it is.
    """

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Guess:
    """A kind that can read a column.

    Attributes:
        score: how well it fits, from 0 to 1; the best is taken.
        settings: of the input or target, `kind` among them.
        reason: why.
        doubt: why another kind may be meant; the next best one is then shown.
        joins: name of the input that columns with the same settings share; empty for an input of its own.
        recipe: a network that suits it.
        options: settings that the user may want.
    """

    score: float
    settings: Mapping[str, Any]
    reason: str
    doubt: str = ""
    joins: str = ""
    recipe: Recipe | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A column as kinds are asked about it.

    Attributes:
        name: of the column.
        field: what the source says of it.
        values: an array, first axis the rows of training; of a stream, its first ones.
        rows: of training.
        others: the arrays of the other splits.
        labels: names of the classes that are predicted; empty for targets, and where there are none.
    """

    name: str
    field: SourceField
    values: np.ndarray
    rows: int
    others: tuple[np.ndarray, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether values are text."""
        return self.field.dtype in ("string", "object") and not self.field.encoding

    @property
    def is_number(self) -> bool:
        """Whether each value is one number."""
        return self.values.ndim == 1 and self.values.dtype.kind in "biuf"

    @cached_property
    def missing(self) -> float:
        """The share of values that are missing, over all splits."""
        every = [self.values, *self.others]
        total = sum(len(values) for values in every)
        return sum(int(_absent(values).sum()) for values in every) / max(total, 1)

    @cached_property
    def present(self) -> np.ndarray:
        """The values that are there; texts without spaces around them."""
        there = self.values[~_absent(self.values)]
        return np.char.strip(there.astype(str)) if self.is_text and there.ndim == 1 else there

    @cached_property
    def distinct(self) -> np.ndarray:
        """The different values, in order."""
        return np.unique(self.present) if self.present.ndim == 1 else self.present

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each of the different values occurs: int64."""
        return np.unique(self.present, return_counts=True)[1]

    @cached_property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.is_number and bool(self.present.size) and bool(np.all(self.present == np.rint(self.present)))

    @property
    def named_as_code(self) -> bool:
        """Whether the name says that numbers stand for things."""
        return not CODES.isdisjoint(re.split(r"[^a-z]+", self.name.lower()))

    @cached_property
    def words(self) -> float:
        """Words of a text, the median."""
        texts = self.present[:: -(-len(self.present) // LOOKED_AT) or 1].tolist()
        return float(np.median([len(text.split()) for text in texts])) if texts else 0.0


def _absent(values: np.ndarray) -> np.ndarray:
    """Rows of a column whose value is NaN, None, no date or an empty text: bool, shape (rows,)."""
    if values.ndim != 1:
        return np.zeros(len(values), bool)
    if values.dtype.kind in "fM":
        return np.isnan(values)
    if values.dtype.kind == "U":
        return np.asarray(np.char.strip(values) == "")
    if values.dtype.kind == "O":
        return np.array([value is None or value != value or not str(value).strip() for value in values], bool)
    return np.zeros(len(values), bool)


def epochs_for(rows: int, batch_size: int, updates: int, least: int, most: int) -> int:
    """Epochs that give about so many updates, within bounds."""
    return min(most, max(least, round(updates / max(1, rows / batch_size))))


def batch_for(rows: int) -> int:
    """A batch size that suits so many training rows."""
    return next((size for size, limit in ((8, 90), (32, 5_000), (64, 20_000), (128, 100_000)) if rows <= limit), 256)

"""`kind: number`: numbers, vectors and arrays of fixed shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.inputs import _numbers
from dlkit.inputs._table_recipe import table_recipe
from dlkit.lazy import lazy
from dlkit.mapped import parts
from dlkit.schema.features import Feature
from dlkit.schema.fitted import Fitted, Size, State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.input import InputSettings
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace

    Step = StepSettings
else:
    Step = steps_for((), missing=True)

np = lazy("numpy")
# Edges of bins with equally many training rows each: 16 bins, and 48 from this many rows on. They are those of at most
# so many rows, which stand evenly apart, and columns.
FEW, MANY, MANY_ROWS = 17, 49, 10_000
MOST_ROWS, MOST_COLUMNS = 100_000, 256
# Columns that a line names.
LISTED = 5
# From here on float32, with its 24 bits, leaves whole numbers out.
LARGEST_WHOLE = 2**24
# Up to this many different whole numbers may be codes; above this share of missing values, that one is missing may say
# something.
FEW_VALUES, OFTEN = 20, 0.03
FILL = "begin its `preprocess` with `fill_missing`, or leave such rows out with `data.clean: {drop: [missing]}`"


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class Quantiles(Fitted):
    """The edges of bins with equally many training rows each, of every column, and the number of all training rows.

    There are none where there are too many columns.
    """

    quantiles: list[list[float]] | None = None
    rows: Size | None = None


class NumberInput(InputSettings):
    """Numbers: one, a vector, or an array of fixed shape."""

    in_tables = "numbers"
    state_type = Quantiles
    also_called = "numeric, float, regression, numerical, scalar, tabular, vector"

    kind: Literal["number"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Numbers, filled in where some are missing; whole numbers with few values may be codes."""
        if column.values.dtype.kind not in "biuf" or column.field.encoding or column.field.ragged:
            return None
        recipe, different = table_recipe(column.rows), len(column.distinct)
        if column.values.ndim > 1:
            return Guess(0.6 if column.values.ndim == 2 else 0.2, {"kind": "number"}, "rows of numbers", recipe=recipe)
        few = column.whole and 2 < different <= FEW_VALUES
        doubt = f"`{column.name}` has {different} different whole numbers, which may stand for things" if few else ""
        score = 0.3 if column.field.classes or (few and column.named_as_code) else 0.7
        if not column.missing:
            return Guess(score, {"kind": "number"}, "numbers", doubt, "numbers", recipe)
        often = column.missing > OFTEN
        fill = {"fill_missing": {"indicator": True}} if often else "fill_missing"
        settings = {"kind": "number", "preprocess": [fill, "normalize"]}
        reason = "numbers, some of them missing: filled with the median of the training rows"
        reason += ", with a column that says where" if often else ""
        return Guess(score, settings, reason, doubt, "numbers_often_missing" if often else "numbers_with_gaps", recipe)

    def feature(self, name: str, column: SourceField) -> Feature:
        """A vector, of one number at least, or an array of fixed shape: float32."""
        shape = _numbers.shape_of(self, name, column) or (1,)
        _numbers.must_be_known(name, shape)
        return Feature(name, self.kind, shape, "float32")

    def without_source(self, name: str) -> Feature | None:
        """Numbers of the stated shape."""
        return None if self.shape is None else self.feature(name, SourceField(None, "float32"))

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Numbers of the feature's dtype and shape, all finite; NaN may stay where a step fills it in."""
        return _numbers.checked(values, feature, place, nan_allowed=self.nan_allowed(feature), help=FILL)

    def fit(self, values: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """The quantiles of every column, for builders: `quantiles`, 17 edges each, 49 where there are many `rows`.

        A column without numbers has none.
        """
        place.refuse_text(values)
        place.same_shape(values, feature.shape)
        notes = _large_whole_numbers(values, feature, place)
        if len(feature.shape) > 1 or (feature.shape[0] or 0) > MOST_COLUMNS:
            return feature, {}, notes
        # What is not finite is refused with its row when the values are read.
        grid = np.linspace(0, 1, MANY if len(values) >= MANY_ROWS else FEW)
        with np.errstate(over="ignore", invalid="ignore"):
            some = values[:: -(-len(values) // MOST_ROWS)].reshape(-1, *feature.shape).astype(feature.dtype)
            columns = [np.asarray(column[~np.isnan(column)], np.float64) for column in np.ascontiguousarray(some.T)]
            quantiles = [np.quantile(c, grid).tolist() if c.size else [] for c in columns]
        return feature, {"quantiles": quantiles, "rows": len(values)}, notes

    def notes(self, values: Any, bound: Input, place: RowPlace) -> list[str]:
        """How many rows miss a value that is filled in; `fill_missing` itself counts those of training."""
        if place.split == "train" or values.dtype.kind != "f" or not self.nan_allowed(bound.feature):
            return []
        holes = np.isnan(values.reshape(len(values), -1))
        each = [
            f"`{place.column_of(n, holes.shape[1])}` in {int(holes[:, n].sum()):,}"
            for n in np.flatnonzero(holes.any(axis=0)).tolist()
        ]
        if not each:
            return []
        listed = ", ".join(each[:LISTED]) + (", ..." if len(each) > LISTED else "")
        rows = int(holes.any(axis=1).sum())
        return [f"{place.split}: {rows:,} of {len(holes):,} rows miss a value that is filled in: {listed}"]

    def as_columns(self, values: Any, bound: Input) -> dict[str, Any]:
        """A column for each number of an example."""
        flat = values.reshape(len(values), -1).astype(np.float64)
        return dict(zip(self.column_names(bound, flat.shape[1]), flat.T, strict=True))

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape."""
        return _numbers.example(value, feature)


def _large_whole_numbers(values: Any, feature: Feature, place: RowPlace) -> list[str]:
    """The line about columns of whole numbers that float32 rounds, as those of ids, at most five of them by name."""
    if values.dtype.kind not in "iuf" or values.dtype.itemsize < 4 or values.dtype == np.float32:
        return []
    flat = values.reshape(len(values), -1)
    found, large = [], np.zeros(flat.shape[1], bool)
    for part in parts(flat):
        large |= (np.abs(flat[part]) > LARGEST_WHOLE).any(axis=0)
    for number in np.flatnonzero(large).tolist():
        # What float32 holds, such as 2 ** 30, is no reason for a line.
        column = flat[:, number]
        there = column[~np.isnan(column)] if column.dtype.kind == "f" else column
        if (there == np.rint(there)).all() and (there.astype(np.float32).astype(np.float64) != there).any():
            found.append(place.column_of(number, flat.shape[1]))
    if not found:
        return []
    listed = ", ".join(f"`{name}`" for name in found[:LISTED]) + (", ..." if len(found) > LISTED else "")
    message = f"whole numbers above {LARGEST_WHOLE:,} in {listed} are rounded to those that float32 holds"
    return [f"input `{feature.name}`: {message}: leave ids out, or use `kind: category` where they repeat"]

"""`kind: number`: numbers, vectors and arrays of fixed shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.inputs import _numbers
from dlkit.inputs._table_recipe import table_recipe
from dlkit.lazy import lazy
from dlkit.schema.features import Feature
from dlkit.schema.fitted import Fitted, State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.input import InputSettings
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    from dlkit.data.values import RowPlace

    Step = StepSettings
else:
    Step = steps_for((), missing=True)

np = lazy("numpy")
# Edges of 16 bins with equally many training rows each, of at most this many rows and columns.
EDGES, MOST_ROWS, MOST_COLUMNS = 17, 100_000, 256
# Up to this many different whole numbers may be codes; above this share of missing values, that one is missing may say
# something.
FEW_VALUES, OFTEN = 20, 0.03
FILL = "begin its `preprocess` with `fill_missing`, or remove those rows"


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class Quantiles(Fitted):
    """The edges of bins with equally many training rows each, of every column; none where there are too many."""

    quantiles: list[list[float]] | None = None


class NumberInput(InputSettings):
    """Numbers: one, a vector, or an array of fixed shape."""

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
        """The quantiles of every column, for builders: `quantiles`, 17 edges each; none of a column without numbers."""
        rows = self.values(values, feature, place)
        flat = rows.reshape(len(rows), -1)[:: -(-len(rows) // MOST_ROWS)]
        if len(feature.shape) > 1 or flat.shape[1] > MOST_COLUMNS:
            return feature, {}, []
        columns = [np.asarray(column[~np.isnan(column)], np.float64) for column in flat.T]
        grid = np.linspace(0, 1, EDGES)
        return feature, {"quantiles": [np.quantile(c, grid).tolist() if c.size else [] for c in columns]}, []

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape."""
        return _numbers.example(value, feature)

"""`kind: number`: numbers, vectors and arrays of fixed shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.inputs import _numbers
from dlkit.lazy import lazy
from dlkit.schema.features import Feature
from dlkit.schema.fitted import Fitted, State
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
# Edges of 16 bins with equally many training rows each, of at most this many rows and columns.
EDGES, MOST_ROWS, MOST_COLUMNS = 17, 100_000, 256
FILL = "begin its `preprocess` with `fill_missing`, or remove those rows"


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class Quantiles(Fitted):
    """The edges of bins with equally many training rows each, of every column; none where there are too many."""

    quantiles: list[list[float]] | None = None


class NumberInput(InputSettings):
    """Numbers: one, a vector, or an array of fixed shape."""

    in_tables = "numbers"
    state_type = Quantiles
    also_called = "numeric, float, regression, numerical, scalar, tabular, vector"

    kind: Literal["number"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")

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

    def as_columns(self, values: Any, bound: Input) -> dict[str, Any]:
        """A column for each number of an example."""
        flat = values.reshape(len(values), -1).astype(np.float64)
        return dict(zip(self.column_names(bound, flat.shape[1]), flat.T, strict=True))

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape."""
        return _numbers.example(value, feature)

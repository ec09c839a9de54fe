"""`kind: sequence`: time series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.inputs import _numbers
from dlkit.schema.features import Feature
from dlkit.schema.input import InputSettings
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    from dlkit.data.values import RowPlace

    Step = StepSettings
else:
    Step = steps_for(("steps", "channels"))


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class SequenceInput(InputSettings):
    """Time series of fixed length: steps, channels."""

    also_called = "series, time_series, timeseries"
    axes = ("steps", "channels")
    usual_builder = "rnn"

    kind: Literal["sequence"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")

    def feature(self, name: str, column: SourceField) -> Feature:
        """Steps and channels: float32."""
        shape = _numbers.shape_of(self, name, column)
        _numbers.must_be_known(name, shape)
        return Feature(name, self.kind, shape, "float32")

    def without_source(self, name: str) -> Feature | None:
        """Numbers of the stated shape."""
        return None if self.shape is None else self.feature(name, SourceField(None, "float32"))

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Numbers of the feature's dtype and shape, all finite."""
        return _numbers.checked(values, feature, place)

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape."""
        return _numbers.example(value, feature)

"""One look at a run in training: the figures of each layer at one update."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class LayerStats:
    """What one layer looked like at one update. None where a figure means nothing for the layer.

    Attributes:
        gradient: norm of the gradient of all its weights.
        weight: norm of its weights before the update.
        update: norm of what the update changed, as a share of `weight`.
        scale: root of the mean square of its outputs.
        dead: share of its units that gave 0 for every example and place of the batch, after a ReLU.
        saturated: share of its outputs beyond 0.99 of the range of a sigmoid or tanh.
    """

    gradient: float | None = None
    weight: float | None = None
    update: float | None = None
    scale: float | None = None
    dead: float | None = None
    saturated: float | None = None


@dataclass(frozen=True)
class HealthSnapshot:
    """What a run looked like at one update.

    Attributes:
        step: updates made before it.
        epoch: from 1.
        loss: of the batch, before the update.
        recent: mean loss over the updates since the last look, or since the epoch began.
        rate: the learning rate.
        gradient: norm of the gradients of all weights together, before clipping.
        constant: loss of the batch, had every example been given one answer: the shares of the classes, or the mean.
        layers: by name, from the input on.
        classes: by target, share of the batch that the most frequent class has among the predictions, and among the
            labels.
        seconds: since the last look, or since the run began or went on.
        waiting: share of them that went into waiting for data.
        counted: sum of the losses of the epoch so far, and of the weights of its examples, to the last digit.
    """

    step: int
    epoch: int
    loss: float
    recent: float
    rate: float
    gradient: float
    constant: float
    layers: dict[str, LayerStats]
    classes: dict[str, tuple[float, float]]
    seconds: float
    waiting: float
    counted: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """The look as JSON values, short: figures that are None are left out, the rest have five digits."""
        return {**_short(asdict(self)), "counted": list(self.counted)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> HealthSnapshot:
        """The look that `to_json` wrote.

        Raises:
            ValueError: if it is another thing.
        """
        return _validator().validate_python(values)


@cache
def _validator() -> TypeAdapter[HealthSnapshot]:
    """Made on first use: the command line imports this file before it knows whether a run is looked at."""
    return TypeAdapter(HealthSnapshot)


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(v) for name, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_short(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value

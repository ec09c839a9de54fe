"""What the kind of a target decides: the head's width, the loss, the metrics, and the way from logits to results."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from dlkit.config.problems import ConfigError, Problem
from dlkit.data.contract import Feature
from dlkit.models.keras_table import snake_case
from dlkit.schema.keras_objects import Loss, Metric
from dlkit.schema.plugins import call_plugin

# What the user's plug-ins add: losses and metrics by name, under those words.
Functions = Mapping[str, Mapping[str, Callable[..., Any]]]


@dataclass(frozen=True)
class Kind:
    """What follows from a kind of target.

    Attributes:
        loss: Keras name of the default loss.
        metrics: Keras names of the default metrics.
        accuracy: Keras name of what `accuracy` means for it; None where it means nothing.
        activation: Keras name of the function from logits to probabilities, `linear` for numbers.
    """

    loss: str
    metrics: tuple[str, ...]
    accuracy: str | None
    activation: str


KINDS: dict[str, Kind] = {
    "category": Kind("sparse_categorical_crossentropy", ("accuracy",), "sparse_categorical_accuracy", "softmax"),
    "binary": Kind("binary_crossentropy", ("accuracy",), "binary_accuracy", "sigmoid"),
    "number": Kind("mean_squared_error", ("mean_absolute_error",), None, "linear"),
}


def units(target: Feature) -> int:
    """Width of the target's head: classes of a category, else the numbers to be predicted."""
    if target.kind == "category":
        return len(target.classes)
    return math.prod(size or 1 for size in target.shape)


def attach(features: Any, targets: Mapping[str, Feature]) -> Any:
    """Put a dense head of logits on the features for each target.

    Returns:
        A float tensor of shape (batch, units); a dictionary of them by target where there are several.
    """
    # In float32 whatever the precision of the network: half precision would round probabilities.
    outputs = {
        name: keras.layers.Dense(units(target), name=name, dtype="float32")(features)
        for name, target in targets.items()
    }
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def to_results(logits: Any, targets: Mapping[str, Feature]) -> Any:
    """From logits to float32 probabilities, or to numbers for a regression.

    Args:
        logits: what `attach` gave.
        targets: the same targets.

    Returns:
        Tensors of the same shapes: a dictionary where there are several targets.
    """

    def result(name: str, x: Any) -> Any:
        activation = KINDS[targets[name].kind].activation
        return keras.layers.Activation(
            activation, dtype="float32", name=f"{name}_{'value' if activation == 'linear' else 'probability'}"
        )(x)

    if isinstance(logits, dict):
        return {name: result(name, x) for name, x in logits.items()}
    return result(next(iter(targets)), logits)


def make_loss(
    target: Feature,
    given: Loss | None,
    plugins: Functions,
    *,
    logits: bool,
    reduction: str | None = "sum_over_batch_size",
) -> keras.losses.Loss:
    """The loss of a target.

    Args:
        target: what is predicted.
        given: the configuration's choice, or None for the default of the target's kind.
        plugins: losses of the user's own, under `losses`.
        logits: whether the loss sees logits or probabilities.
        reduction: how Keras reduces it; None for one value per example.
    """
    name = given.name if given else KINDS[target.kind].loss
    arguments = {**(given.arguments if given else {}), "reduction": reduction}
    return _make("losses", name, arguments, plugins, logits=logits)


def smoothed(classes: int, smoothing: float, reduction: str | None, *, logits: bool) -> Callable[[Any, Any], Any]:
    """The cross-entropy of classes with smoothed labels (Szegedy et al., 2016); Keras smooths one-hot labels alone.

    Returns:
        A function of integer labels, shape (batch,), and logits or probabilities, shape (batch, classes).
    """
    loss = keras.losses.CategoricalCrossentropy(from_logits=logits, label_smoothing=smoothing, reduction=reduction)
    return lambda labels, outputs: loss(keras.ops.one_hot(labels, classes), outputs)


def with_smoothing(target: Feature, given: Loss | None, smoothing: float) -> Loss | None:
    """The loss of a binary target, told to smooth its labels."""
    if not smoothing:
        return given
    given = given or Loss(name=KINDS[target.kind].loss)
    return Loss(name=given.name, **{**given.arguments, "label_smoothing": smoothing})


def make_metrics(
    target: Feature, given: list[Metric] | None, plugins: Functions, *, logits: bool
) -> list[keras.metrics.Metric]:
    """The metrics of a target, named as the configuration names them.

    Args:
        target: what is predicted.
        given: the configuration's choice, or None for the defaults of the target's kind.
        plugins: metrics of the user's own, under `metrics`.
        logits: whether the metrics see logits or probabilities; thresholds move with it.
    """
    kind = KINDS[target.kind]
    wanted = [(name, {}) for name in kind.metrics] if given is None else [(m.name, m.arguments) for m in given]
    made = []
    for name, arguments in wanted:
        meant = kind.accuracy if name == "accuracy" and kind.accuracy else name
        made.append(_make("metrics", meant, {"name": name, **arguments}, plugins, logits=logits))
    return made


def _make(module: str, name: str, arguments: dict[str, Any], plugins: Functions, *, logits: bool) -> Any:
    """A loss or metric by its snake_case name, told whether it sees logits."""
    make: Callable[..., Any]
    if name in plugins.get(module, {}):
        make = plugins[module][name]
    else:
        make = next(c for n, c in vars(getattr(keras, module)).items() if isinstance(c, type) and snake_case(n) == name)
    parameters = inspect.signature(make).parameters
    key = ("training", "loss" if module == "losses" else "metrics")
    try:
        if "from_logits" in parameters:
            arguments["from_logits"] = logits
        elif logits:
            for threshold in {"threshold", "thresholds"} & set(parameters):
                arguments[threshold] = _logit(arguments.get(threshold) or 0.5)
        if name in plugins.get(module, {}):
            return call_plugin(f"`{name}` of {module}", key, make, **arguments)
        return make(**arguments)
    except (ValueError, TypeError) as error:
        words = str(error).strip().splitlines()[0]
        raise ConfigError(Problem("refused-by-keras", f"Keras refuses `{name}`: {words}", key=key)) from error


def _logit(probability: float | list[float]) -> Any:
    if isinstance(probability, list):
        return [_logit(p) for p in probability]
    if not 0 < probability < 1:
        raise ValueError(f"a threshold lies between 0 and 1, got {probability}")
    return math.log(probability / (1 - probability))

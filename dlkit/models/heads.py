"""What the kind of a target decides: the head's width, the loss, the metrics, and the way from logits to results."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from dlkit.config.metric_names import metric_columns
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem
from dlkit.config.schema.training import Loss, Metric
from dlkit.data.contract import Feature
from dlkit.models.keras_table import snake_case

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
    if reduction is None:
        # Such examples get no weight: of one value an example, Keras would leave 0 and count it.
        arguments.pop("ignore_class", None)
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


def make_metrics(target: Feature, given: list[Metric] | None, plugins: Functions) -> list[keras.metrics.Metric]:
    """The metrics of a target, named as its columns of the history are; they see results.

    Args:
        target: what is predicted.
        given: the configuration's choice, or None for the defaults of the target's kind.
        plugins: metrics of the user's own, under `metrics`.
    """
    kind = KINDS[target.kind]
    wanted = [Metric(name=name) for name in kind.metrics] if given is None else given
    made = []
    for column, metric in zip(metric_columns(wanted), wanted, strict=True):
        _must_compare_examples(target, metric)
        meant = kind.accuracy if metric.name == "accuracy" and kind.accuracy else metric.name
        defaults = DEFAULT_ARGUMENTS.get((target.kind, metric.name), {})
        made.append(_make("metrics", meant, {**defaults, **metric.arguments, "name": column}, plugins, logits=False))
    return made


# By Keras's defaults the largest output of an example is its class, and a yes or no has only one output.
DEFAULT_ARGUMENTS: dict[tuple[str, str], dict[str, Any]] = {
    ("binary", "f1_score"): {"threshold": 0.5, "average": "macro"},
    ("binary", "f_beta_score"): {"threshold": 0.5, "average": "macro"},
}
# Metrics that compare the numbers of one example with each other.
WITHIN_AN_EXAMPLE = ("pearson_correlation", "concordance_correlation", "cosine_similarity")


def _must_compare_examples(target: Feature, metric: Metric) -> None:
    """Refuse a metric that compares the numbers of one example, where there is only one."""
    if metric.name in WITHIN_AN_EXAMPLE and units(target) == 1:
        message = (
            f"`{metric.name}` compares the numbers of each example with each other, and `{target.name}` is one number"
        )
        help = "`r2_score` compares the examples"
        raise ConfigError(Problem("does-not-fit", message, key=("training", "metrics"), help=help))


def labels_for_metrics(target: Feature, labels: Any) -> Any:
    """Labels in the shape that Keras's metrics take beside results: (batch,) for classes, else (batch, numbers)."""
    if target.kind == "category":
        return labels
    return keras.ops.reshape(labels, (-1, units(target)))


def ignored_classes(targets: Mapping[str, Feature], loss: Loss | None) -> dict[str, int]:
    """By target, the class whose examples its loss leaves out."""
    ignored = loss.arguments.get("ignore_class") if loss else None
    return {} if ignored is None else dict.fromkeys(targets, int(ignored))


def result(target: Feature, logits: Any) -> Any:
    """From the logits of a target to float32 probabilities, or to numbers."""
    activation = keras.activations.get(KINDS[target.kind].activation)
    return activation(keras.ops.cast(logits, "float32"))


def on_logits(target: Feature, metrics: list[keras.metrics.Metric]) -> list[keras.metrics.Metric]:
    """The metrics for a model that ends in logits, as a notebook's does."""
    kept = ("linear", "softmax")  # the largest logit is the largest probability
    if KINDS[target.kind].activation == "linear":
        return metrics
    return [
        m if KINDS[target.kind].activation in kept and type(m).__name__ in SAME_ON_LOGITS
        else OfResults(m, KINDS[target.kind].activation)
        for m in metrics
    ]  # fmt: skip


SAME_ON_LOGITS = ("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy")


@keras.saving.register_keras_serializable("dlkit")
class OfResults(keras.metrics.Metric):
    """A metric that sees probabilities, for a model that gives logits."""

    def __init__(self, metric: Any, activation: str, name: str | None = None, **kwargs: Any) -> None:
        self.metric = keras.metrics.deserialize(metric) if isinstance(metric, dict) else metric
        super().__init__(name=name or self.metric.name, **kwargs)
        self.activation = activation
        self._direction = getattr(self.metric, "_direction", None)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels and logits."""
        results = keras.activations.get(self.activation)(y_pred)
        if self.activation == "sigmoid":
            y_true = keras.ops.reshape(y_true, keras.ops.shape(results))
        self.metric.update_state(y_true, results, sample_weight=sample_weight)

    def result(self) -> Any:
        """What has been counted."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"metric": keras.metrics.serialize(self.metric), "activation": self.activation, "name": self.name}


def _make(module: str, name: str, arguments: dict[str, Any], plugins: Functions, *, logits: bool) -> Any:
    """A loss or metric by its snake_case name; a loss is told whether it sees logits."""
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
        if name in plugins.get(module, {}):
            return from_plugin(f"`{name}` of {module}", key, make, **arguments)
        return make(**arguments)
    except (ValueError, TypeError) as error:
        words = str(error).strip().splitlines()[0]
        raise ConfigError(Problem("refused-by-keras", f"Keras refuses `{name}`: {words}", key=key)) from error


def from_plugin(what: str, key: Key, function: Callable[..., Any], *positional: Any, **arguments: Any) -> Any:
    """Call a plug-in's function; whatever it raises is told as the plug-in's own mistake.

    Args:
        what: name of the part, for the message.
        key: the setting that asked for it.
        function: the plug-in's.
        positional: its positional arguments.
        arguments: its settings.
    """
    try:
        return function(*positional, **arguments)
    except DlkitError:
        raise
    except Exception as error:
        raise ConfigError(
            Problem(
                "plugin-raised",
                f"the plug-in's {what} raised {type(error).__name__}: {error}",
                key=key,
                help="the mistake is in the plug-in; --debug shows where",
            )
        ) from error

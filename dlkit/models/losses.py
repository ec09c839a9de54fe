"""Losses and metrics of targets, made by Keras from their names in the configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from dlkit.config.keras_names import snake_case
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data.bound import Target
from dlkit.keras_internals import direction
from dlkit.models.members import mean_of_members
from dlkit.schema.history import metric_columns
from dlkit.schema.keras_objects import Loss, Metric, keras_class, refusals_of_keras
from dlkit.schema.plugins import call_plugin
from dlkit.schema.training import Training

# What the user's plug-ins add: losses and metrics by name, under those words.
Functions = Mapping[str, Mapping[str, Callable[..., Any]]]
OneLoss = Callable[[Any, Any], Any]


class Choice:
    """The losses and metrics of targets that configuration and plug-ins choose between them."""

    def __init__(self, training: Training, plugins: Functions, *, keras_only: bool = False) -> None:
        """Choose.

        Args:
            training: the short forms `loss` and `metrics`, for all targets that have none of their own.
            plugins: losses and metrics of the user's own.
            keras_only: whether those of plug-ins are left out, since Keras alone could not open a model with them.
        """
        self._training, self._plugins, self._keras_only = training, plugins, keras_only

    def loss(
        self, target: Target, *, logits: bool, reduction: str | None = "sum_over_batch_size", smoothing: float = 0.0
    ) -> OneLoss:
        """The loss of a target, of labels of a batch and logits or results.

        Args:
            target: what is predicted.
            logits: whether the loss sees logits or results.
            reduction: how Keras reduces it; None for one value per example.
            smoothing: share of each label that is spread over all classes.
        """
        settings, name = target.settings, self._name(target)
        if settings.own_loss_name:
            own = settings.own_loss(target, logits=logits)
            return own if reduction is None else lambda labels, outputs: keras.ops.mean(own(labels, outputs))
        if smoothing and (smoothed := settings.smoothed(target, name, smoothing, reduction, logits=logits)):
            return smoothed
        loss = self.keras_loss(target, logits=logits, reduction=reduction, smoothing=smoothing)
        # Keras alone opens a model with nothing but Keras's own losses.
        return loss if self._keras_only else settings.loss_function(target, name, loss, logits=logits)

    def keras_loss(self, target: Target, *, logits: bool, reduction: str | None, smoothing: float = 0.0) -> OneLoss:
        """The loss by its name, as Keras or a plug-in makes it; args as for `loss`."""
        given, name, settings = self._given_loss(target), self._name(target), target.settings
        _must_compare_examples(name, target, self._key(target, "loss", given), f"`{settings.default_loss}`")
        arguments = {**settings.loss_arguments(name), **(given.arguments if given else {}), "reduction": reduction}
        if smoothing:
            arguments["label_smoothing"] = smoothing
        if reduction is None:
            # Such examples get no weight: of one value an example, Keras would leave 0 and count it.
            arguments.pop("ignore_class", None)
        made = self._in_plain_keras(target, name) if self._keras_only else name
        return _make("losses", made, arguments, self._plugins, self._key(target, "loss", given), logits=logits)  # type: ignore[no-any-return]

    def ignored_class(self, target: Target) -> int | None:
        """The class whose examples the loss of a target leaves out."""
        given = self._given_loss(target)
        ignored = given.arguments.get("ignore_class") if given else None
        return None if ignored is None else int(ignored)

    def loss_name(self, target: Target) -> tuple[str, bool]:
        """The name of a target's loss, Keras's where it is Keras's, and whether the configuration chose it."""
        own = target.settings.own_loss_name
        return (own, True) if own else (self._name(target), self._given_loss(target) is not None)

    def metrics(self, target: Target) -> list[keras.metrics.Metric]:
        """New metrics of a target, named as its columns of the history are; they see results."""
        settings = target.settings
        given = self._given_metrics(target)
        wanted = [Metric(name=name) for name in settings.usual_metrics] if given is None else given
        made = []
        for number, (column, metric) in enumerate(zip(metric_columns(wanted), wanted, strict=True)):
            key = self.metric_key(target, number)
            _must_compare_examples(metric.name, target, key, "`r2_score`")
            name = self._own_accuracy(target, metric.name)
            name = self._in_plain_keras(target, name) if self._keras_only else name
            arguments = {**settings.metric_arguments(target, name), **metric.arguments, "name": column}
            made.append(_make("metrics", name, arguments, self._plugins, key, logits=False))
        return made

    def _in_plain_keras(self, target: Target, name: str) -> str:
        """Keras's name of a loss or metric in a saved model."""
        metrics = [self._own_accuracy(target, metric.name) for metric in self._given_metrics(target) or ()]
        return target.settings.in_plain_keras(name, {self.loss_name(target)[0], *metrics})

    @staticmethod
    def _own_accuracy(target: Target, name: str) -> str:
        """The name of a metric, of `accuracy` that of the kind's own."""
        return target.settings.accuracy if name == "accuracy" and target.settings.accuracy else name

    def metric_key(self, target: Target, number: int) -> Key:
        """Where a metric of a target is asked for, by its number among them."""
        given = self._given_metrics(target)
        key = self._key(target, "metrics", given)
        return key if given is None else (*key, number)

    def metrics_are_given(self, target: Target) -> bool:
        """Whether the configuration chose the metrics of a target."""
        return self._given_metrics(target) is not None

    def _name(self, target: Target) -> str:
        given = self._given_loss(target)
        return given.name if given else target.settings.default_loss

    def _given_loss(self, target: Target) -> Loss | None:
        given = target.settings.loss if target.settings.loss is not None else self._training.loss
        return None if self._keras_only and given and given.name in self._plugins.get("losses", {}) else given

    def _given_metrics(self, target: Target) -> list[Metric] | None:
        given = target.settings.metrics if target.settings.metrics is not None else self._training.metrics
        if given is not None and self._keras_only:
            given = [metric for metric in given if metric.name not in self._plugins.get("metrics", {})]
        return given

    def _key(self, target: Target, what: str, given: Any) -> Key:
        """Where a loss or the metrics of a target are chosen."""
        own = getattr(target.settings, what) is not None
        return (*target.key, what) if own or given is None else ("training", what)


def _must_compare_examples(name: str, target: Target, key: Key, instead: str) -> None:
    """Refuse a loss or metric that compares the numbers of an example with each other, where there is only one.

    Raises:
        ConfigError: naming what compares the examples instead.
    """
    if name in target.settings.within_an_example and target.units == 1:
        message = f"`{name}` compares the numbers of an example, and `{target.name}` is a single number"
        raise ConfigError(Problem("does-not-fit", message, key, help=f"{instead} compares the examples"))


def _make(module: str, name: str, arguments: dict[str, Any], plugins: Functions, key: Key, *, logits: bool) -> Any:
    """A loss or metric by its snake_case name; a loss is made for logits or for results."""
    own = name in plugins.get(module, {})
    make = plugins[module][name] if own else keras_class(module, name)
    assert make is not None, "the text phase knows Keras's names"
    with refusals_of_keras(f"`{name}`", key):
        if "from_logits" in inspect.signature(make).parameters:
            arguments["from_logits"] = logits
        if own:
            return call_plugin(f"`{name}` of {module}", key, make, **arguments)
        return make(**arguments)


def on_logits(
    target: Target, metrics: Sequence[keras.metrics.Metric], *, members: bool = False
) -> list[keras.metrics.Metric]:
    """The metrics for a model that ends in logits, as a notebook's does, or in those of several members."""
    settings = target.settings
    if settings.activation is None and not target.state and not members:
        return list(metrics)
    same = () if members else settings.same_on_logits

    def of_results(metric: keras.metrics.Metric) -> keras.metrics.Metric:
        name = snake_case(type(metric).__name__)
        classes = len(target.classes) if name in settings.of_one_hot else None
        return metric if name in same else OfResults(metric, settings.activation, classes)

    return [of_results(metric) for metric in metrics]


@keras.saving.register_keras_serializable("dlkit")
class OfResults(keras.metrics.Metric):
    """A metric that sees results, and one-hot labels where it takes them, for a model that gives logits."""

    def __init__(
        self,
        metric: Any,
        activation: str | None,
        classes: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.metric = keras.metrics.deserialize(metric) if isinstance(metric, dict) else metric
        super().__init__(name=name or self.metric.name, **kwargs)
        self.activation, self.classes = activation, classes
        self._direction = direction(self.metric) or None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels and logits."""
        results = mean_of_members(keras.activations.get(self.activation)(y_pred))
        if self.classes is not None:
            y_true = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), self.classes)
        elif self.activation == "sigmoid":
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
        metric = keras.metrics.serialize(self.metric)
        return {"metric": metric, "activation": self.activation, "classes": self.classes, "name": self.name}

"""From settings and a `Spec` to a plain Keras model: raw input to logits, compiled with the loss that fits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras

from dlkit.config.causes import first_line
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data.bound import Spec, bound
from dlkit.data.preprocessing import Preprocessing, make_preprocessing
from dlkit.encoded import encoded
from dlkit.models import heads
from dlkit.models.losses import Choice, Functions, on_logits
from dlkit.models.members import LossOfMembers, has_members, mean_of_members, over_members
from dlkit.models.objective import Objective
from dlkit.models.pretrained import take_pretrained
from dlkit.origins import Origins
from dlkit.schema import Config
from dlkit.schema.keras_objects import keras_optimizer
from dlkit.schema.training import Training


@dataclass(frozen=True)
class BuiltModel:
    """A model and the views of it that the loop needs. All of them share their layers.

    Attributes:
        model: raw input to logits, compiled.
        network: input as the device stage leaves it, to logits.
        preprocessing: the layers before the network, fitted or not.
        spec: what the model was built for, every input and target bound to its settings.
        training: loss and metrics that were asked for.
        plugins: losses and metrics of the user's own.
        origins: key path of the setting that made each layer of the network, by the layer's name.
    """

    model: keras.Model
    network: keras.Model
    preprocessing: Preprocessing
    spec: Spec
    training: Training
    plugins: Functions
    origins: Mapping[str, Key] = field(default_factory=dict)

    @property
    def choice(self) -> Choice:
        """The losses and metrics of the targets."""
        return Choice(self.training, self.plugins)

    def objective(self, *, training: bool) -> Objective:
        """What is minimised in training, or the same without smoothed labels and without weights of classes."""
        choice, targets = self.choice, self.spec.targets
        smoothing = self.training.label_smoothing if training else 0.0
        weighted = {name: target.settings.class_weights(target) for name, target in targets.items()} if training else {}
        ignored = {name: choice.ignored_class(target) for name, target in targets.items()}
        return Objective(
            {
                name: over_members(choice.loss(target, logits=True, reduction=None, smoothing=smoothing))
                for name, target in targets.items()
            },
            loss_weights={name: target.settings.loss_weight for name, target in targets.items()},
            class_weights={name: weights for name, weights in weighted.items() if weights is not None},
            ignored={name: label for name, label in ignored.items() if label is not None},
        )

    def results(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """From logits by target to float32 probabilities, or numbers in the target's unit; of members, their mean."""
        targets = self.spec.targets
        return {name: mean_of_members(targets[name].settings.results(targets[name], x)) for name, x in outputs.items()}

    def metrics(self) -> dict[str, list[keras.metrics.Metric]]:
        """New metrics for each target, by its name, and the figures of its kind; they see results."""
        return {
            name: [*self.choice.metrics(target), *target.settings.own_metrics(target)]
            for name, target in self.spec.targets.items()
        }


def build_model(config: Config, spec: Spec) -> keras.Model:
    """The model of a configuration: raw input to logits, compiled with the loss and metrics that fit them.

    Args:
        config: `model`, the preprocessing of `data`, and loss, metrics and optimizer of `training` are used.
        spec: shapes and classes; see `dlkit.Spec`.

    Returns:
        A plain keras.Model. Its input has the dtype of the data (uint8 images stay uint8), shape (batch, *shape);
        its output is float logits, shape (batch, classes), or a dictionary of them where there are several targets.
        A `normalize` step is not fitted here: `dlkit.train` fits it on the training split.

    Raises:
        ConfigError: if the network cannot be built for such an input.
        RunError: if the weights that a backbone begins with cannot be had.
    """
    built = build(config, spec)
    take_pretrained(built.network, built.origins, config)
    return built.model


def build(
    config: Config,
    spec: Spec,
    preprocessing: Preprocessing | None = None,
    functions: Functions | None = None,
) -> BuiltModel:
    """Build a configuration's model with the views of it that the loop needs.

    Args:
        config: as for `build_model`.
        spec: as for `build_model`.
        preprocessing: fitted layers; made again, unfitted, if None.
        functions: losses and metrics of the user's plug-ins.
    """
    spec = bound(spec, config.data)
    preprocessing = preprocessing or make_preprocessing(spec.inputs)
    with precision(config.runtime.precision):
        return _build(config, spec, preprocessing, functions or {})


def _build(config: Config, spec: Spec, preprocessing: Preprocessing, functions: Functions) -> BuiltModel:
    inputs = {name: keras.Input(f.shape, dtype=f.dtype, name=name) for name, f in spec.inputs.items()}
    prepared = {name: preprocessing.whole(name, x) for name, x in inputs.items()}
    if any(x is not inputs[name] for name, x in prepared.items()):
        # Keras cannot save a model of which a part begins at its inputs and between its layers alike.
        prepared = {n: keras.layers.Identity()(x) if x is inputs[n] else x for n, x in prepared.items()}
    origins = Origins()
    with origins.noting():
        logits = _logits(config, prepared, spec, preprocessing)
    model = keras.Model(unwrap(inputs), logits, name=_identifier(config.name))
    network = _network(prepared, logits)
    built = BuiltModel(model, network, preprocessing, spec, config.training, functions, origins.of(network))
    _compile(model, built, built.choice, logits=True)
    return built


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Within the block, layers are made with this Keras dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _compile(model: keras.Model, built: BuiltModel, choice: Choice, *, logits: bool) -> None:
    """Compile a model with the loss and metrics of its targets, for logits or for results, and a fresh optimizer."""
    targets = built.spec.targets
    outputs = model.output if isinstance(model.output, dict) else dict.fromkeys(targets, model.output)
    members = {name: has_members(outputs[name]) for name in targets}

    def loss(name: str) -> Any:
        if targets[name].settings.own_loss_name and not logits:
            return None  # Keras alone could not open a model with it
        if members[name]:
            return LossOfMembers(choice.loss(targets[name], logits=logits, reduction=None))
        return choice.loss(targets[name], logits=logits)

    losses = {name: loss(name) for name in targets}
    metrics = {name: choice.metrics(target) for name, target in targets.items()}
    if logits:
        metrics = {name: on_logits(targets[name], made, members=members[name]) for name, made in metrics.items()}
    weights = {name: target.settings.loss_weight for name, target in targets.items()}
    model.compile(
        optimizer=fresh_optimizer(built.training),
        loss=_for_outputs(model, losses),
        loss_weights=None if set(weights.values()) == {1.0} else _for_outputs(model, weights),
        metrics=_for_outputs(model, metrics),
    )


def fresh_optimizer(training: Training) -> keras.optimizers.Optimizer:
    """The optimizer of the settings at its full learning rate, clipping by itself, with nothing learned yet."""
    return keras_optimizer(training.optimizer)


def results_model(built: BuiltModel) -> keras.Model:
    """The saved form of a model: raw input to float32 probabilities or numbers, compiled, with a fresh optimizer.

    A loss or metric of a plug-in is left out, since Keras alone could not open a model that names it.
    """
    logits = built.model.output
    model = keras.Model(built.model.input, heads.to_results(logits, built.spec.targets), name=built.model.name)
    _compile(model, built, Choice(built.training, built.plugins, keras_only=True), logits=False)
    return model


def unwrap(by_name: Mapping[str, Any]) -> Any:
    """The only value of a mapping, or the mapping as a dictionary where it has several."""
    return next(iter(by_name.values())) if len(by_name) == 1 else dict(by_name)


def named(values: Any, names: Iterable[str]) -> dict[str, Any]:
    """What `unwrap` was given, from what it gave: a dictionary by these names also of a value alone."""
    return values if isinstance(values, dict) else {next(iter(names)): values}


def _network(prepared: Mapping[str, Any], logits: Any) -> keras.Model:
    """The layers between prepared inputs and logits as a model; of several inputs each is called as its key.

    Keras makes new inputs in place of tensors within a graph and calls them by the tensors. Of this model, and of all
    that is made of it, it asks that they are called as the keys of their dictionary.
    """
    if len(prepared) > 1:
        for name, tensor in prepared.items():
            tensor.name = name
    network = keras.Model(unwrap(prepared), logits, name="network")
    if len(prepared) > 1:
        layers = {id(layer.output): layer for layer in network.layers if isinstance(layer, keras.layers.InputLayer)}
        for name, tensor in network.input.items():
            tensor.name = layers[id(tensor)].name = name
    return network


def _logits(config: Config, prepared: dict[str, Any], spec: Spec, preprocessing: Preprocessing) -> Any:
    """What the builder makes of the prepared inputs for the targets."""
    try:
        inputs = {
            name: encoded(
                name, x, preprocessing.encodings[name], spec.inputs[name].state, partial(preprocessing.whole, name)
            )
            for name, x in prepared.items()
        }
        by_target = config.model.logits(inputs, spec.targets)
    except (ValueError, TypeError) as error:
        # Keras's own complaint about a layer; what it says first is what the user has to know.
        raise ConfigError(
            Problem(
                "model-does-not-build",
                f"the model cannot be built: {first_line(error)}",
                key=("model",),
                help="the message names the layer and the shapes it was given; --debug shows all of it",
            )
        ) from error
    for name, x in by_target.items():
        if has_members(x) and not config.model.uses("members"):
            message = f"the builder gives features of three axes for `{name}`, and the outputs are made from a vector"
            raise ConfigError(Problem("not-a-vector", message, ("model",), help="end with `Flatten` or a pooling"))
    return unwrap(by_target)


def _for_outputs(model: keras.Model, by_target: dict[str, Any]) -> Any:
    """Losses or metrics in the form that `compile` takes for the model's output."""
    return by_target if isinstance(model.output, dict) else next(iter(by_target.values()))


def _identifier(name: str) -> str:
    """A configuration's name as Keras accepts it for a model."""
    return "".join(c if c.isalnum() else "_" for c in name)

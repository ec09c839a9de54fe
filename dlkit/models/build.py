"""From settings and a `Spec` to a plain Keras model: raw input to logits, compiled with the loss that fits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from dlkit.config.plugins import arguments
from dlkit.config.problems import ConfigError, Problem
from dlkit.config.schema import Config
from dlkit.config.schema.training import Training
from dlkit.data.contract import Spec
from dlkit.data.preprocessing import Preprocessing, apply_layers, make_preprocessing
from dlkit.models import heads
from dlkit.models.cnn import cnn
from dlkit.models.heads import Functions, from_plugin
from dlkit.models.mlp import mlp
from dlkit.models.objective import Objective
from dlkit.models.rnn import rnn

# A builder takes the prepared inputs by name and its settings, and returns features for the heads.
BUILDERS: dict[str, Callable[[dict[str, Any], Any], Any]] = {"cnn": cnn, "mlp": mlp, "rnn": rnn}


@dataclass(frozen=True)
class BuiltModel:
    """A model and the views of it that the loop needs. All of them share their layers.

    Attributes:
        model: raw input to logits, compiled.
        network: input as the device stage leaves it, to logits.
        preprocessing: the layers before the network, fitted or not.
        spec: what the model was built for.
        training: loss and metrics that were asked for.
        plugins: losses and metrics of the user's own.
    """

    model: keras.Model
    network: keras.Model
    preprocessing: Preprocessing
    spec: Spec
    training: Training
    plugins: Functions

    def objective(self, *, training: bool) -> Objective:
        """What is minimised in training, or the same without smoothed labels and without weights of classes."""
        smoothing = self.training.label_smoothing if training else 0.0
        losses = self.losses(logits=True, reduction=None, smoothing=smoothing)
        return Objective(losses, ignored=heads.ignored_classes(self.spec.targets, self.training.loss))

    def results(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """From logits by target to float32 probabilities, or to numbers in the target's unit."""
        return {name: heads.result(self.spec.targets[name], x) for name, x in outputs.items()}

    def labels_for_metrics(self, name: str, labels: Any) -> Any:
        """Labels of a target in the shape that Keras's metrics take beside its results."""
        return heads.labels_for_metrics(self.spec.targets[name], labels)

    def losses(
        self, *, logits: bool, reduction: str | None = "sum_over_batch_size", smoothing: float = 0.0
    ) -> dict[str, Callable[[Any, Any], Any]]:
        """A new loss for each target, by its name."""
        made: dict[str, Callable[[Any, Any], Any]] = {}
        for name, target in self.spec.targets.items():
            given = self.training.loss
            if smoothing and target.kind == "category":
                made[name] = heads.smoothed(len(target.classes), smoothing, reduction, logits=logits)
            else:
                given = heads.with_smoothing(target, given, smoothing)
                made[name] = heads.make_loss(target, given, self.plugins, logits=logits, reduction=reduction)
        return made

    def metrics(self) -> dict[str, list[keras.metrics.Metric]]:
        """New metrics for each target, by its name; they see results."""
        return {
            name: heads.make_metrics(target, self.training.metrics, self.plugins)
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
    """
    return build(config, spec).model


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
        preprocessing: fitted layers; made anew, unfitted, if None.
        functions: builders, losses and metrics of the user's plug-ins.
    """
    preprocessing = preprocessing or make_preprocessing(config.data)
    with precision(config.runtime.precision):
        return _build(config, spec, preprocessing, functions or {})


def _build(config: Config, spec: Spec, preprocessing: Preprocessing, functions: Functions) -> BuiltModel:
    inputs = {name: keras.Input(f.shape, dtype=f.dtype, name=name) for name, f in spec.inputs.items()}
    prepared = {
        name: as_float(apply_layers(preprocessing.host[name] + preprocessing.device[name], x))
        for name, x in inputs.items()
    }
    logits = _logits(config, prepared, spec, functions.get("builders", {}))
    model = keras.Model(unwrap(inputs), logits, name=_identifier(config.name))
    network = keras.Model(unwrap(prepared), logits, name="network")
    built = BuiltModel(model, network, preprocessing, spec, config.training, functions)
    compile_model(model, built, logits=True, optimizer=fresh_optimizer(config.training))
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


def compile_model(model: keras.Model, built: BuiltModel, *, logits: bool, optimizer: Any) -> None:
    """Compile a model with the loss and metrics of its targets, for logits or for probabilities."""
    losses, metrics = built.losses(logits=logits), built.metrics()
    if logits:
        metrics = {name: heads.on_logits(built.spec.targets[name], made) for name, made in metrics.items()}
    model.compile(optimizer=optimizer, loss=_for_outputs(model, losses), metrics=_for_outputs(model, metrics))


def fresh_optimizer(training: Training) -> keras.optimizers.Optimizer:
    """The optimizer of the settings at its full learning rate, clipping by itself, with nothing learnt yet."""
    settings = training.optimizer.model_dump()
    return keras.optimizers.get({"class_name": settings.pop("name"), "config": settings})


def results_model(built: BuiltModel) -> keras.Model:
    """The saved form of a model: raw input to float32 probabilities or numbers, compiled, with a fresh optimizer.

    A loss or metric of a plug-in is left out, since Keras alone could not open a model that names it.
    """
    built = replace(built, training=_without(built.training, built.plugins), plugins={})
    logits = built.model.output
    model = keras.Model(built.model.input, heads.to_results(logits, built.spec.targets), name=built.model.name)
    compile_model(model, built, logits=False, optimizer=fresh_optimizer(built.training))
    return model


def _without(training: Training, plugins: Functions) -> Training:
    """The settings less the losses and metrics of plug-ins."""
    loss, metrics = training.loss, training.metrics
    if loss and loss.name in plugins.get("losses", {}):
        loss = None
    if metrics is not None:
        metrics = [m for m in metrics if m.name not in plugins.get("metrics", {})]
    return training.model_copy(update={"loss": loss, "metrics": metrics})


def as_float(x: Any) -> Any:
    """The tensor itself, or a float32 copy of integers, which no network layer takes."""
    return x if keras.backend.is_float_dtype(x.dtype) else keras.ops.cast(x, "float32")


def unwrap(by_name: Mapping[str, Any]) -> Any:
    """The only value of a mapping, or the mapping as a dictionary where it has several."""
    return next(iter(by_name.values())) if len(by_name) == 1 else dict(by_name)


def _logits(config: Config, prepared: dict[str, Any], spec: Spec, others: Mapping[str, Callable[..., Any]]) -> Any:
    """The builder's features with the heads of the targets on them."""
    name = config.model.builder
    try:
        if name in BUILDERS:
            features = BUILDERS[name](prepared, config.model)
        else:
            settings = arguments(config.model)
            features = from_plugin(f"builder `{name}`", ("model",), others[name], prepared, **settings)
        return heads.attach(features, spec.targets)
    except (ValueError, TypeError) as error:
        # Keras's own complaint about a layer; what it says first is what the user has to know.
        raise ConfigError(
            Problem(
                "model-does-not-build",
                f"the model cannot be built: {str(error).strip().splitlines()[0]}",
                key=("model",),
                help="the message names the layer and the shapes it was given; --debug shows all of it",
            )
        ) from error


def _for_outputs(model: keras.Model, by_target: dict[str, Any]) -> Any:
    """Losses or metrics in the form that `compile` takes for the model's output."""
    return by_target if isinstance(model.output, dict) else next(iter(by_target.values()))


def _identifier(name: str) -> str:
    """A configuration's name as Keras accepts it for a model."""
    return "".join(c if c.isalnum() else "_" for c in name)

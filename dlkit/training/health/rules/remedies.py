"""Settings that may be changed, as they are written on the command line; only those that this configuration has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from dlkit.config.problems import Key
from dlkit.origins import MODEL
from dlkit.schema import Config
from dlkit.schema.training import Constant

if TYPE_CHECKING:
    from dlkit.training.health.rules.context import HealthContext

FIND_LR = "see `dlkit find-lr`"


def either(*options: str | None) -> str:
    """The options that there are, as a choice of three at most."""
    given = [option for option in options if option][:3]
    return " or ".join(filter(None, [", ".join(given[:-1]), *given[-1:]]))


def rate(config: Config, factor: float) -> str:
    """The learning rate times about `factor`, in one digit."""
    return f"`training.optimizer.learning_rate: {one_digit(config.training.optimizer.learning_rate * factor)}`"


def one_digit(value: float) -> str:
    """A positive number in one digit, as YAML reads it."""
    exponent = math.floor(math.log10(value))
    digit = round(value / 10**exponent)
    return f"{float(f'{digit}e{exponent}'):g}"


def clipping(config: Config) -> str:
    """Clipping of the gradient: a bound on its norm, or a tenth of the bound that there is."""
    optimizer = config.training.optimizer
    for name in ("global_clipnorm", "clipnorm", "clipvalue"):
        bound = getattr(optimizer, name)
        if bound is not None:
            return f"`training.optimizer.{name}: {one_digit(bound / 10)}`"
    return "`training.optimizer.global_clipnorm: 1.0`"


def activation(case: HealthContext, layer: str) -> tuple[Key, str] | None:
    """The setting of a layer's activation and its value, or None for a layer that has none to choose."""
    found = _setting(case, layer, "activation")
    return found if found is not None and isinstance(found[1], str) else None


def another_activation(case: HealthContext, layer: str, better: str) -> str | None:
    """A setting that gives a layer another activation than it has."""
    found = activation(case, layer)
    return f"`{_dotted(found[0])}: {better}`" if found and found[1] != better else None


def normalization(case: HealthContext, layer: str) -> str | None:
    """A setting that normalises a layer's outputs, where there is one and it is off."""
    for field, off, on in (("batch_normalization", False, "true"), ("normalization", None, "layer")):
        found = _setting(case, layer, field)
        if found is not None:
            return f"`{_dotted(found[0])}: {on}`" if found[1] is off else None
    return None


def dropout(case: HealthContext) -> str | None:
    """More dropout behind the last layer that has a place for it, where there is little so far."""
    layers = list(case.looks[-1].layers) if case.looks else []
    places = (_setting(case, layer, "dropout") for layer in reversed(layers))
    found = next((place for place in places if place is not None), _at(case.config, MODEL, "dropout"))
    if found is None or not isinstance(found[1], float | int) or found[1] >= 0.3:
        return None
    return f"`{_dotted(found[0])}: {0.3 if found[1] < 0.15 else 0.5}`"


def _setting(case: HealthContext, layer: str, field: str) -> tuple[Key, Any] | None:
    """The key and the value of a field of the section that made a layer; None where it has no such field."""
    return _at(case.config, case.origins.get(layer, MODEL), field)


def _at(config: Config, key: Key, field: str) -> tuple[Key, Any] | None:
    """The key and the value of a field of the section at a key path; None where there is none."""
    section = config.value_at(key)
    there = isinstance(section, BaseModel) and field in type(section).model_fields
    return ((*key, field), getattr(section, field)) if there else None


def _dotted(key: Key) -> str:
    return ".".join(map(str, key))


def augmentation(config: Config) -> str | None:
    """Random images, for an input of images that has none."""
    for name, settings in config.data.inputs.items():
        if settings.augmentation and not settings.random_layers():
            return f"`data.inputs.{name}.augment: [{settings.augmentation}]`"
    return None


def weight_decay(config: Config) -> str | None:
    """Decay of the weights, where there is none."""
    optimizer = config.training.optimizer
    if optimizer.weight_decay is not None:
        return None
    if optimizer.name == "adam":
        return f"`training.optimizer: {{name: adamw, learning_rate: {optimizer.learning_rate:g}, weight_decay: 0.01}}`"
    return "`training.optimizer.weight_decay: 0.01`"


def early_stopping(config: Config) -> str | None:
    """Stopping early, where it is off."""
    return "`training.early_stopping: {patience: 3}`" if config.training.early_stopping is None else None


def decay(config: Config) -> str | None:
    """A rate that falls, where it stays the same."""
    return "`training.schedule: cosine`" if isinstance(config.training.schedule, Constant) else None


def dense_layers(config: Config) -> list[int] | None:
    """Units of the dense layers before the head; None where the model has no setting for them."""
    found = _at(config, MODEL, "dense")
    return list(found[1]) if found and isinstance(found[1], list) else None


def larger_model(config: Config) -> str | None:
    """Twice the units of each dense layer, or one layer where there is none."""
    dense = dense_layers(config)
    return None if dense is None else f"`model.dense: {[2 * units for units in dense] or [64]}`"


def fewer_layers(config: Config) -> str | None:
    """Half of the dense layers, where there are many."""
    dense = dense_layers(config) or []
    return f"`model.dense: {dense[: len(dense) // 2]}`" if len(dense) >= 4 else None


def scaling(config: Config) -> str | None:
    """Values of about 1, for an input that no step of its preprocessing is known to bring there."""
    for name, settings in config.data.inputs.items():
        if not any(step.scales() for step in settings.preprocess):
            return f"`data.inputs.{name}.preprocess: [normalize]`"
    return None


def smaller_model(config: Config) -> str | None:
    """Half the units of each dense layer."""
    dense = [max(1, units // 2) for units in dense_layers(config) or []]
    return f"`model.dense: {dense}`" if dense else None


def less_dropout(config: Config) -> str | None:
    """A tenth of the units dropped, where it is many of them."""
    found = _at(config, MODEL, "dropout")
    return "`model.dropout: 0.1`" if found and isinstance(found[1], float) and found[1] >= 0.5 else None


def less_decay(config: Config) -> str | None:
    """Little weight decay, where it takes more of the weights in an update than training gives them."""
    optimizer = config.training.optimizer
    much = (optimizer.weight_decay or 0.0) * optimizer.learning_rate > 1e-3
    return "`training.optimizer.weight_decay: 0.01`" if much else None


def feeding(config: Config) -> str:
    """How data may come faster."""
    if config.data.source is None:
        return (
            "give NumPy arrays, or a tf.data.Dataset that does its work in parallel: "
            "`.map(..., num_parallel_calls=tf.data.AUTOTUNE).cache()`"
        )
    if config.data.feed == "pipeline":
        return "set `data.feed: auto`, which holds on the device what fits into `data.device_limit`"
    limit = one_digit(4 * config.data.device_limit)
    return (
        f"set `data.device_limit: {limit}` (MiB) if the data fit the memory of the device, or use fewer `resize` steps"
    )

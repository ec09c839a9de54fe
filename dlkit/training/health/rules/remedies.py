"""Settings that may be changed, as they are written on the command line; only those that this configuration has."""

from __future__ import annotations

import math

from dlkit.builders._dense import DenseStack
from dlkit.builders.cnn import Cnn
from dlkit.builders.mlp import Mlp
from dlkit.inputs.image import ImageInput
from dlkit.schema import Config
from dlkit.schema.training import Constant
from dlkit.steps.rescale import Rescale

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


def activation(config: Config, layer: str) -> tuple[str, str] | None:
    """The setting of a layer's activation and its value, or None for a layer that has none to choose."""
    model, block = config.model, block_of(config, layer)
    if block is not None and isinstance(model, Cnn):
        return f"model.blocks.{block}.activation", model.blocks[block].activation
    if isinstance(model, DenseStack) and layer.startswith("dense_"):
        return "model.activation", model.activation
    return None


def another_activation(config: Config, layer: str, better: str) -> str | None:
    """A setting that gives a layer another activation than it has."""
    found = activation(config, layer)
    return f"`{found[0]}: {better}`" if found and found[1] != better else None


def normalization(config: Config, layer: str) -> str | None:
    """A setting that normalises a layer's outputs, where there is one and it is off."""
    model, block = config.model, block_of(config, layer)
    if block is not None and isinstance(model, Cnn) and not model.blocks[block].batch_normalization:
        return f"`model.blocks.{block}.batch_normalization: true`"
    if isinstance(model, Mlp) and not model.batch_normalization:
        return "`model.batch_normalization: true`"
    return None


def block_of(config: Config, layer: str) -> int | None:
    """Number of the convolution block that a layer belongs to."""
    kind, _, number = layer.partition("_")
    number = number.partition("_")[0]
    if not isinstance(config.model, Cnn) or kind != "conv" or not number.isdigit():
        return None
    return int(number) - 1


def dropout(config: Config) -> str | None:
    """More dropout, where the model has a place for it and little so far."""
    model = config.model
    if isinstance(model, Cnn) and not model.dense:
        block = len(model.blocks) - 1
        return f"`model.blocks.{block}.dropout: 0.3`" if model.blocks[block].dropout < 0.3 else None
    if not isinstance(model, DenseStack) or model.dropout >= 0.3:
        return None
    return f"`model.dropout: {0.3 if model.dropout < 0.15 else 0.5}`"


def augmentation(config: Config) -> str | None:
    """Random images, for an input of images that has none."""
    for name, settings in config.data.inputs.items():
        if isinstance(settings, ImageInput) and not settings.augment:
            small = "{random_translation: {height_factor: 0.1, width_factor: 0.1}}"
            return f"`data.inputs.{name}.augment: [{small}]`"
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


def dense_layers(config: Config) -> list[int]:
    """Units of the dense layers before the head, if the model has a setting for them."""
    return list(config.model.dense) if isinstance(config.model, DenseStack) else []


def larger_model(config: Config) -> str | None:
    """Twice the units of each dense layer, or one layer where there is none."""
    if not isinstance(config.model, DenseStack):
        return None
    return f"`model.dense: {[2 * units for units in config.model.dense] or [64]}`"


def fewer_layers(config: Config) -> str | None:
    """Half of the dense layers, where there are many."""
    dense = dense_layers(config)
    return f"`model.dense: {dense[: len(dense) // 2]}`" if len(dense) >= 4 else None


def scaling(config: Config) -> str | None:
    """Values of about 1, for an input that no step of its preprocessing is known to bring there."""
    for name, settings in config.data.inputs.items():
        if not any(step.step == "normalize" or step == Rescale(step="rescale") for step in settings.preprocess):
            return f"`data.inputs.{name}.preprocess: [normalize]`"
    return None


def smaller_model(config: Config) -> str | None:
    """Half the units of each dense layer."""
    dense = [max(1, units // 2) for units in dense_layers(config)]
    return f"`model.dense: {dense}`" if dense else None


def less_dropout(config: Config) -> str | None:
    """A tenth of the units dropped, where it is many of them."""
    much = isinstance(config.model, DenseStack) and config.model.dropout >= 0.5
    return "`model.dropout: 0.1`" if much else None


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

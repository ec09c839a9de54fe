"""Write the table of Keras names that the text phase of a configuration is checked against.

Run by `make keras-names`: `python -m dlkit.models.keras_table > dlkit/config/keras_names.json`.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import keras

from dlkit.config.keras_names import layer_name, snake_case

# Arguments that every Keras object takes and that no configuration states.
HIDDEN = {"self", "name", "dtype", "kwargs", "args", "fn", "reduction", "gradient_accumulation_steps", "seed"}
SKIPPED = {
    "Constraint", "Initializer", "Loss", "LossScaleOptimizer", "Mean", "MeanMetricWrapper", "Metric", "Optimizer",
    "RandomColorJitterLayer", "Regularizer", "Sum",
}  # fmt: skip

# Callbacks that do what dlkit's own loop does, or are made of Python functions or of other callbacks.
NOT_FOR_A_CONFIGURATION = {
    "backup_and_restore", "callback", "callback_list", "early_stopping", "history", "lambda_callback",
    "learning_rate_scheduler", "model_checkpoint", "orbax_checkpoint", "progbar_logger", "swap_ema_weights",
    "terminate_on_na_n",
}  # fmt: skip


# Layers of several tensors, wrappers and cells, code of others, bases, and what belongs in `preprocess` or `augment`.
NOT_IN_A_STACK = {
    "Add", "AdditiveAttention", "Attention", "AugMix", "AutoContrast", "Average", "Bidirectional", "CategoryEncoding",
    "Concatenate", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "Discretization", "Dot", "Embedding",
    "Equalization", "FlaxLayer", "GRUCell", "GroupQueryAttention", "HashedCrossing", "Hashing", "InputLayer",
    "IntegerLookup", "JaxLayer", "LSTMCell", "Lambda", "Layer", "Masking", "MaxNumBoundingBoxes", "Maximum",
    "MelSpectrogram", "Minimum", "MixUp", "MultiHeadAttention", "Multiply", "Normalization", "Pipeline", "RNN",
    "RandAugment", "Rescaling", "Resizing", "ReversibleEmbedding", "STFTSpectrogram", "SimpleRNNCell", "Solarization",
    "SpectralNormalization", "StackedRNNCells", "StringLookup", "Subtract", "TFSMLayer", "TextVectorization",
    "TimeDistributed", "TorchModuleWrapper", "Wrapper",
}  # fmt: skip


def layers() -> dict[str, list[str]]:
    """The layers from one tensor to another, each once, by their names in a configuration."""
    found = {}
    for name, cls in sorted(vars(keras.layers).items()):
        if not isinstance(cls, type) or not issubclass(cls, keras.layers.Layer) or cls.__name__ != name:
            continue
        if name not in NOT_IN_A_STACK and not name.startswith("Random"):
            found[layer_name(name)] = [a for a in arguments(cls) if a not in ("data_format", "stateful")]
    return found


def arguments(cls: type) -> list[str]:
    """The constructor's arguments that a configuration may state, in order."""
    return [name for name in inspect.signature(cls).parameters if name not in HIDDEN]


def classes(module: Any, base: type) -> dict[str, list[str]]:
    """Every public subclass of `base` in `module`, by its snake_case name; of two names, by that of the class."""
    found = {}
    for name, value in sorted(vars(module).items()):
        if not isinstance(value, type) or not issubclass(value, base) or name in SKIPPED:
            continue
        if snake_case(name) == snake_case(value.__name__):
            found[snake_case(name)] = arguments(value)
    return found


def build_table() -> dict[str, dict[str, list[str]]]:
    """The table as `dlkit.config.keras_names.table` reads it."""
    activations: dict[str, list[str]] = {
        name: [] for name, value in vars(keras.activations).items()
        if inspect.isfunction(value) and name not in {"get", "serialize", "deserialize"}
    }  # fmt: skip
    # AugMix chooses its operations with Python's own random numbers when it is traced, so that no run repeats it.
    random_layers = {
        name: args for name, args in classes(keras.layers, keras.layers.Layer).items()
        if name.startswith("random_") or name in {"rand_augment", "mix_up", "cut_mix", "solarization"}
    }  # fmt: skip
    callbacks = classes(keras.callbacks, keras.callbacks.Callback)
    applications = (name.lower() for name, value in vars(keras.applications).items() if inspect.isfunction(value))
    return {
        "activations": dict(sorted(activations.items())),
        "callbacks": {name: args for name, args in callbacks.items() if name not in NOT_FOR_A_CONFIGURATION},
        "losses": classes(keras.losses, keras.losses.Loss),
        "metrics": classes(keras.metrics, keras.metrics.Metric),
        "optimizers": classes(keras.optimizers, keras.optimizers.Optimizer),
        "initializers": classes(keras.initializers, keras.initializers.Initializer),
        "regularizers": classes(keras.regularizers, keras.regularizers.Regularizer),
        "constraints": classes(keras.constraints, keras.constraints.Constraint),
        "layers": layers(),
        "random_layers": random_layers,
        "applications": {name: [] for name in sorted(applications)},
    }


if __name__ == "__main__":
    print(json.dumps(build_table(), indent=1))

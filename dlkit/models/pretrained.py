"""The trained weights that layers of a network begin with, where settings of the model name some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras

from dlkit.config.problems import Key
from dlkit.keras_internals import flattened
from dlkit.origins import MODEL
from dlkit.schema import Config
from dlkit.schema.builder import Pretrained


def take_pretrained(network: keras.Model, origins: Mapping[str, Key], config: Config) -> list[str]:
    """Put trained weights into the layers whose settings name some.

    Args:
        network: a model that holds values.
        origins: key path of the setting that made each layer, by the layer's name.
        config: of the model.

    Returns:
        A line for each such layer.

    Raises:
        ConfigError: if a file of weights is not there.
        RunError: if one cannot be used, or weights cannot be downloaded.
    """
    notes = [settings.load(layer, key) for layer, settings, key in pretrained_layers(network, origins, config)]
    settle(network)
    return notes


def pretrained_layers(
    network: keras.Model, origins: Mapping[str, Key], config: Config
) -> Iterator[tuple[keras.Model, Pretrained, Key]]:
    """The layers of a network that begin with trained weights, and the settings that say so; args as above."""
    for layer in network.layers:
        key = origins.get(layer.name, MODEL)
        settings = config.value_at(key)
        # What is put before and behind such a layer has the same origin.
        if isinstance(layer, keras.Model) and isinstance(settings, Pretrained) and settings.begins_trained:
            yield layer, settings, key


def settle(network: keras.Model) -> None:
    """Let normalisation compute with weights that were assigned to it: Keras copies them when it is adapted."""
    for layer in flattened(network):
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.finalize_state()

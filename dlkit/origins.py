"""Which setting made each layer of a network: noted where layers are made, so that advice can name a key.

x = origin(layers.Dense(units), ("model",))(x)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from dlkit.config.problems import Key
from dlkit.keras_internals import flattened

Layer = TypeVar("Layer")
# Layers that nothing was noted of, as those of a plug-in's builder, come from the section as a whole.
MODEL: Key = ("model",)

_place: ContextVar[Key] = ContextVar("place", default=MODEL)
_noted: ContextVar[dict[int, tuple[Any, Key]] | None] = ContextVar("noted", default=None)


def origin(layer: Layer, key: Key) -> Layer:
    """Note the setting that makes a layer.

    Args:
        layer: a new Keras layer; those inside of it have the same origin.
        key: path of the section, as in `("model", "blocks", 0)`.

    Returns:
        The layer.
    """
    noted = _noted.get()
    if noted is not None:
        noted[id(layer)] = (layer, (*_place.get(), *key[1:]) if key[:1] == MODEL else key)
    return layer


@contextlib.contextmanager
def placed(key: Key) -> Iterator[None]:
    """Within the block, the settings of `model` stand at this key: those of a network within another."""
    token = _place.set(key)
    try:
        yield
    finally:
        _place.reset(token)


class Origins:
    """What was noted while a network was built."""

    def __init__(self) -> None:
        # The layers themselves are held as well, so that no other gets the number of one that is gone.
        self._noted: dict[int, tuple[Any, Key]] = {}

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Within the block, `origin` notes here."""
        token = _noted.set(self._noted)
        try:
            yield
        finally:
            _noted.reset(token)

    def of(self, network: Any) -> dict[str, Key]:
        """The origin of every layer of a Keras model by the layer's name, those inside of others included."""
        found: dict[str, Key] = {}
        for layer in network.layers:
            outer = self._noted.get(id(layer), (layer, MODEL))[1]
            for inner in flattened(layer):
                found[inner.name] = self._noted.get(id(inner), (inner, outer))[1]
        return found

"""`model.fit`: as people write it, and with the flags that make it fastest.

Every turn is a call of `fit` of its own, counted from its first epoch on. Between two turns no iterator is alive:
TensorFlow may wait, when one is given up, for half as long as it has lived, so that held in mid-fit a turn would be
charged with half a minute.
"""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from networks import make_network
from session import Session

# Steps that `steps_per_execution` puts into one call; divides the steps of an epoch.
STEPS = 50
TRIAL_IMAGES = 12_800
# Convolutions are not tried in a loop under XLA: they run in a naive kernel there, an order of magnitude slower.
CANDIDATES = {
    "arrays, steps_per_execution": ("arrays", False, STEPS),
    "tf.data, steps_per_execution": ("tf.data", False, STEPS),
    "tf.data by index, steps_per_execution": ("index", False, STEPS),
    "tf.data by index, jit_compile": ("index", True, 1),
    "arrays, jit_compile, steps_per_execution": ("arrays", True, STEPS),
    "tf.data by index, jit_compile, steps_per_execution": ("index", True, STEPS),
}


class Epochs(keras.callbacks.Callback):
    """Reports every epoch to the session, and ends the call with the turn."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._ready = session, False

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin to count; before the first turn, which compiles, there is nothing to count."""
        if epoch == 0 and self._ready:
            self._session.begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Pass on loss and accuracy."""
        assert logs is not None
        if self._session.turn_over(logs["loss"], logs["accuracy"]):
            self._ready = self.model.stop_training = True


def plain(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """NumPy arrays and no flags."""
    _turns(session, _compiled(name, False, 1), (x, y), batch)


def best(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """The fastest of several combinations, found by a short trial of each."""
    seconds = {}
    for words, (feed, jit, steps) in CANDIDATES.items():
        if name == "cnn" and jit and steps > 1:
            continue
        model = _compiled(name, jit, steps)
        data = _feed(feed, x[:TRIAL_IMAGES], y[:TRIAL_IMAGES], batch)
        _fit(model, data, batch, 1, [])
        began = time.perf_counter()
        _fit(model, data, batch, 1, [])
        seconds[words] = time.perf_counter() - began
    words = min(seconds, key=seconds.__getitem__)
    feed, jit, steps = CANDIDATES[words]
    session.note(words.replace("steps_per_execution", f"steps_per_execution={steps}"))
    _turns(session, _compiled(name, jit, steps), _feed(feed, x, y, batch), batch)


def _turns(session: Session, model: keras.Model, data: Any, batch: int) -> None:
    epochs = Epochs(session)
    while True:
        _fit(model, data, batch, 10**6, [epochs])
        session.wait()


def _compiled(name: str, jit: bool, steps: int) -> keras.Model:
    model = make_network(name)
    model.compile(
        optimizer=keras.optimizers.Adam(0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit,
        steps_per_execution=steps,
    )
    return model


def _feed(kind: str, x: np.ndarray, y: np.ndarray, batch: int) -> Any:
    """Arrays as they are, the usual tf.data pipeline, or one that shuffles numbers and gathers whole batches."""
    if kind == "arrays":
        return x, y
    if kind == "tf.data":
        data = tf.data.Dataset.from_tensor_slices((x, y)).cache().shuffle(len(x)).batch(batch, drop_remainder=True)
        return data.prefetch(tf.data.AUTOTUNE)
    images, labels = tf.constant(x), tf.constant(y)
    numbers = tf.data.Dataset.range(len(x)).shuffle(len(x)).batch(batch, drop_remainder=True)
    gathered = numbers.map(lambda i: (tf.gather(images, i), tf.gather(labels, i)), num_parallel_calls=tf.data.AUTOTUNE)
    return gathered.prefetch(tf.data.AUTOTUNE)


def _fit(model: keras.Model, data: Any, batch: int, epochs: int, callbacks: list[Any]) -> None:
    if isinstance(data, tuple):
        model.fit(*data, batch_size=batch, epochs=epochs, verbose=0, callbacks=callbacks)
    else:
        model.fit(data, epochs=epochs, verbose=0, callbacks=callbacks)

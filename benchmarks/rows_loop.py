"""Training loops as an expert writes them by hand for TensorFlow: shuffled batches, Adam, loss and accuracy.

Data lies on the device; an epoch is an order of its examples and one call of a compiled function, in which every batch
is gathered. Nothing else is done: no progress, no checkpoint, no check of the loss. Dropout draws its mask from (layer,
step, part), since Keras's counter is slow under XLA and would make parallel parts wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from networks import make_network
from session import Session

Epoch = Callable[[np.ndarray], tuple[float, float]]
Gradients = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, int], tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]]


class Dropout(keras.layers.Layer):
    """Dropout whose mask is a function of (layer, step, part)."""

    made = 0
    drawing: tuple[tf.Tensor, int]

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate, self.number = rate, Dropout.made
        Dropout.made += 1

    def call(self, x: Any, training: bool = False) -> Any:
        """Drop a share of the values in training."""
        if not training:
            return x
        step, part = Dropout.drawing
        seed = tf.stack([tf.constant(1000 * self.number + part), tf.cast(step, tf.int32)])
        return tf.nn.experimental.stateless_dropout(x, self.rate, seed, rng_alg="philox")


def graph(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """A whole epoch in one `tf.function`."""
    _train(session, _one_device(name, batch, x, y, xla=False), len(x))


def xla(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """The same under XLA; a CNN step by step, since convolutions in a loop under XLA run in a naive kernel."""
    if name == "cnn":
        session.note("XLA round each step")
        _train(session, _step_by_step(name, batch, x, y), len(x))
    else:
        _train(session, _one_device(name, batch, x, y, xla=True), len(x))


def parts(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """Each batch in two parts of one graph, side by side, each on one thread."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    _train(session, _one_device(name, batch, x, y, xla=False, count=2), len(x))


def replicas(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """MirroredStrategy on two logical CPUs, a thread each; XLA round each replica's gradient where that is faster."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    candidates = {
        "gradients as a graph": _mirrored(name, batch, x, y, xla=False),
        "gradients under XLA": _mirrored(name, batch, x, y, xla=True),
    }
    trial = np.arange(min(len(x), 64 * batch), dtype=np.int32)
    seconds = {words: _seconds(epoch, trial) for words, epoch in candidates.items()}
    words = min(seconds, key=seconds.__getitem__)
    session.note(words)
    _train(session, candidates[words], len(x))


def _train(session: Session, epoch: Epoch, size: int) -> None:
    random = np.random.default_rng(42)
    while True:
        session.epoch_ended(*epoch(random.permutation(size).astype(np.int32)))


def _seconds(epoch: Epoch, order: np.ndarray) -> float:
    epoch(order)
    began = time.perf_counter()
    epoch(order)
    return time.perf_counter() - began


def _gradients(model: keras.Model, batch: int) -> Gradients:
    """Gradients of a share of a batch, to be added up over the shares, its summed loss and its right answers."""

    def gradients(x: tf.Tensor, y: tf.Tensor, step: tf.Tensor, part: int) -> Any:
        Dropout.drawing = step, part
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
            mean = loss / batch
        right = tf.reduce_sum(tf.cast(tf.argmax(logits, 1, tf.int32) == y, tf.float32))
        return tape.gradient(mean, [v.value for v in model.trainable_variables]), loss, right

    return gradients


def _update(model: keras.Model, optimizer: keras.optimizers.Optimizer, batch: int, count: int) -> Callable[..., Any]:
    """One update of the weights from a batch in parts; gives its summed loss and its right answers."""
    gradients = _gradients(model, batch)

    def update(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        step = optimizer.iterations.value
        shares = zip(tf.split(x, count), tf.split(y, count), strict=True) if count > 1 else [(x, y)]
        done = [gradients(*share, step, part) for part, share in enumerate(shares)]
        of_parts, loss, right = zip(*done, strict=True)
        optimizer.apply([tf.add_n(of_variable) for of_variable in zip(*of_parts, strict=True)])
        return tf.add_n(loss), tf.add_n(right)

    return update


def _one_device(name: str, batch: int, x: np.ndarray, y: np.ndarray, *, xla: bool, count: int = 1) -> Epoch:
    model, optimizer = _made(name)
    update = _update(model, optimizer, batch, count)
    return _in_one_call(update, batch, x, y, xla=xla)


def _step_by_step(name: str, batch: int, x: np.ndarray, y: np.ndarray) -> Epoch:
    """A compiled step inside a graph that loops over the epoch."""
    model, optimizer = _made(name)
    step = tf.function(_update(model, optimizer, batch, 1), jit_compile=True, autograph=False)
    return _in_one_call(step, batch, x, y, xla=False)


def _mirrored(name: str, batch: int, x: np.ndarray, y: np.ndarray, *, xla: bool) -> Epoch:
    # Without NCCL, which a CPU does not have, gradients are added up on the first device.
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())
    with strategy.scope():
        model, optimizer = _made(name)
    local: Any = _gradients(model, batch)
    if xla:
        local = tf.function(local, jit_compile=True, autograph=False)

    def on_replica(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        context = tf.distribute.get_replica_context()
        number = int(tf.get_static_value(context.replica_id_in_sync_group))
        x, y = tf.split(x, 2)[number], tf.split(y, 2)[number]
        gradients, loss, right = local(x, y, optimizer.iterations.value, number)
        optimizer.apply(gradients, model.trainable_variables)  # Keras adds them up over the replicas
        return loss, right

    def update(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss, right = strategy.run(on_replica, args=(x, y))
        return tuple(strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None) for value in (loss, right))

    return _in_one_call(update, batch, x, y, xla=False)


def _made(name: str) -> tuple[keras.Model, keras.optimizers.Optimizer]:
    model, optimizer = make_network(name, Dropout), keras.optimizers.Adam(0.001)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def _in_one_call(update: Callable[..., Any], batch: int, x: np.ndarray, y: np.ndarray, *, xla: bool) -> Epoch:
    """An epoch, given its order, as one compiled call; gives mean loss and accuracy."""
    images, labels = tf.constant(x), tf.constant(y)

    def steps(images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor, count: tf.Tensor) -> Any:
        def body(i: tf.Tensor, loss: tf.Tensor, right: tf.Tensor) -> Any:
            rows = tf.slice(order, [i * batch], [batch])
            more_loss, more_right = update(tf.gather(images, rows), tf.gather(labels, rows))
            return i + 1, loss + more_loss, right + more_right

        return tf.while_loop(lambda i, *_: i < count, body, (tf.constant(0), tf.constant(0.0), tf.constant(0.0)))[1:]

    compiled = tf.function(steps, jit_compile=xla, autograph=False)

    def epoch(order: np.ndarray) -> tuple[float, float]:
        count = len(order) // batch
        loss, right = compiled(images, labels, tf.constant(order), tf.constant(count))
        return float(loss) / (count * batch), float(right) / (count * batch)

    return epoch

"""On what the program runs: the device, and what is set once for the whole process."""

from __future__ import annotations

import keras
import tensorflow as tf

from dlkit.config.schema import Config


def prepare_process(config: Config) -> None:
    """Seed every generator and, where asked for, allow deterministic operations alone.

    Both hold for the whole process; TensorFlow has no public way back from deterministic operations.
    """
    keras.utils.set_random_seed(config.seed)
    if config.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()


def make_strategy(config: Config) -> tf.distribute.Strategy:
    """Where replicas of the model are placed: TensorFlow's own strategy for one device, the first GPU if there is one.

    Made once in a run; variables made within its `scope()` belong to it.
    """
    return tf.distribute.get_strategy()


def devices() -> list[str]:
    """The physical devices that TensorFlow sees, as in `CPU:0`."""
    return [d.name.removeprefix("/physical_device:") for d in tf.config.list_physical_devices()]

"""On what the program runs: the device, and what is set once for the whole process."""

from __future__ import annotations

import contextlib
import os

import keras
import tensorflow as tf

from dlkit.config.schema import Config
from dlkit.training.choices import choose_parts, cores


def prepare_process(config: Config) -> None:
    """Seed every generator, allow deterministic operations alone where asked for, and share out the cores.

    All of it holds for the whole process; TensorFlow has no public way back from deterministic operations, and takes a
    number of threads only before its first operation: in a notebook where it has started, threads stay as they are.
    """
    keras.utils.set_random_seed(config.seed)
    if config.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    if choose_parts(config) > 1 and "TF_NUM_INTRAOP_THREADS" not in os.environ:
        # Each part has a core to itself; an operation that spreads over several would only get in its way.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(cores())


def make_strategy(config: Config) -> tf.distribute.Strategy:
    """Where replicas of the model are placed: TensorFlow's own strategy for one device, the first GPU if there is one.

    Made once in a run; variables made within its `scope()` belong to it.
    """
    return tf.distribute.get_strategy()


def devices() -> list[str]:
    """The physical devices that TensorFlow sees, as in `CPU:0`."""
    return [d.name.removeprefix("/physical_device:") for d in tf.config.list_physical_devices()]

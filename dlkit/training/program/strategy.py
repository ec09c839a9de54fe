"""On what the program runs: the device, and what is set once for the whole process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from dlkit.config import phrases
from dlkit.config.problems import ConfigError, Problem
from dlkit.schema import Config
from dlkit.training.forks import remember_use
from dlkit.training.program.execution import choose_micro_batches, cores


@contextlib.contextmanager
def session(config: Config) -> Iterator[None]:
    """Within the block, TensorFlow and Keras are as a configuration wants them, whatever the caller has set.

    Raises:
        ConfigError: if the devices asked for are not there, or cannot be made any more.
    """
    remember_use()
    prepare_process(config)
    with keras_defaults(), make_strategy(config).scope():
        yield


@contextlib.contextmanager
def keras_defaults() -> Iterator[None]:
    """Within the block, Keras computes in float32 and has channels last; then what the caller has set is back."""
    config = keras.config
    before = config.dtype_policy(), config.floatx(), config.image_data_format()
    config.set_floatx("float32")
    config.set_dtype_policy("float32")
    config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        config.set_floatx(before[1])
        config.set_dtype_policy(before[0])
        config.set_image_data_format(before[2])


def prepare_process(config: Config) -> None:
    """Seed every generator, allow deterministic operations alone where asked for, and share out the cores.

    All of it holds for the whole process; TensorFlow has no public way back from deterministic operations, and takes
    devices and threads only before its first operation.

    Raises:
        ConfigError: if the devices asked for cannot be made any more, or are not there.
    """
    keras.utils.set_random_seed(config.seed)
    if config.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    kind, count = _wanted(config)
    if kind == "cpu" and count > 1:
        _split_cpu(count)
    elif choose_micro_batches(config) > 1 and "TF_NUM_INTRAOP_THREADS" not in os.environ:
        # Each micro-batch has a core to itself; an operation that spreads over several would only get in its way. In a
        # notebook where TensorFlow has started, threads stay as they are.
        with contextlib.suppress(RuntimeError):
            _one_thread_each(cores())


def make_strategy(config: Config) -> tf.distribute.Strategy:
    """Where replicas of the model are placed: TensorFlow's own strategy for one device, MirroredStrategy for several.

    Made once in a run; variables made within its `scope()` belong to it.

    Raises:
        ConfigError: if the devices asked for are not there.
    """
    kind, count = _wanted(config)
    found = tf.config.list_logical_devices(kind.upper())
    if len(found) < count:
        asked = phrases.count(count, f"{kind.upper()} device")
        raise ConfigError(
            Problem(
                "no-such-device",
                f"`{config.runtime.devices}` asks for {asked}, TensorFlow sees {len(found)}",
                key=("runtime", "devices"),
                help="`cpu:2` always works; for a GPU look at `nvidia-smi` and at how TensorFlow was installed",
            )
        )
    if config.runtime.strategy == "one_device" or count == 1:
        return tf.distribute.get_strategy()
    names = [device.name for device in found[:count]]
    # Without NCCL, which a CPU does not have, gradients are added up on the first device.
    cross = tf.distribute.ReductionToOneDevice() if kind == "cpu" else None
    return tf.distribute.MirroredStrategy(names, cross_device_ops=cross)


def replicas(config: Config) -> int:
    """Replicas that `make_strategy` makes."""
    return 1 if config.runtime.strategy == "one_device" else _wanted(config)[1]


def _wanted(config: Config) -> tuple[str, int]:
    """Kind and number of the devices to use: as given, else all GPUs, else the CPU."""
    if config.runtime.devices is not None:
        kind, _, count = config.runtime.devices.partition(":")
        return kind, int(count or 1)
    gpus = len(tf.config.list_physical_devices("GPU"))
    return ("gpu", gpus) if gpus else ("cpu", 1)


def _split_cpu(count: int) -> None:
    """Make logical devices of the CPU, with a thread each."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    have = tf.config.get_logical_device_configuration(cpu) or [None]
    if len(have) == count:
        return
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        _one_thread_each(count)
    except RuntimeError as error:
        raise ConfigError(
            Problem(
                "devices-too-late",
                f"`cpu:{count}` cannot be made any more: TensorFlow has already started in this process",
                key=("runtime", "devices"),
                help="in a notebook, restart the kernel and train before anything else uses TensorFlow",
            )
        ) from error


def _one_thread_each(count: int) -> None:
    """Run a number of operations side by side, each on one thread."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def devices() -> list[str]:
    """The physical devices that TensorFlow sees, as in `CPU:0`."""
    return [d.name.removeprefix("/physical_device:") for d in tf.config.list_physical_devices()]

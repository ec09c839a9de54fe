"""What TensorFlow refuses while a compiled program runs, as a failed run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from dlkit.config.phrases import count
from dlkit.config.problems import Problem, RunError

REFUSALS = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnimplementedError,
    tf.errors.UnknownError,
)

# What `tf.debugging.Assert` says: its words, then the values.
ASSERTED = re.compile(r"assertion failed: \[(?P<words>[^\]]+)\] ?(?P<values>.*)")


# What Python raises in a function that TensorFlow calls, such as a generator of examples.
IN_PYTHON = "Traceback (most recent call last)"
# What tf.data says where a dataset of a stated cardinality gives another number of examples.
PROMISED = re.compile(r"expected to contain (?P<size>\d+) elements but contained (?:only|at least) (?P<came>\d+)")
_NODE = re.compile(r"\{\{.*?\}\}\s*")


@contextlib.contextmanager
def refused_as_run_error() -> Iterator[None]:
    """Within the block, what TensorFlow refuses is raised as a failed run."""
    try:
        yield
    except REFUSALS as error:
        if isinstance(error, tf.errors.UnknownError) and IN_PYTHON not in error.message:
            raise
        if isinstance(error, tf.errors.FailedPreconditionError) and not PROMISED.search(error.message):
            raise
        raise as_run_error(error) from error


def as_run_error(error: tf.errors.OpError) -> RunError:
    """What TensorFlow found wrong while the program ran, in its own first words."""
    words = next((line for line in error.message.splitlines() if line.strip()), type(error).__name__)
    words = _NODE.sub("", words)
    if IN_PYTHON in error.message:
        message = f"the function that gives the examples raised {words}"
        help = "correct it, or call it alone to see where it stops"
        return RunError(Problem("data-refused", message, key=("data",), help=help))
    if promised := PROMISED.search(error.message):
        size, came = int(promised["size"]), int(promised["came"])
        message = f"a tf.data.Dataset promised {count(size, 'example')}, and gave {'more' if came > size else came}"
        help = "state the cardinality that it has, or none; it must be the same whenever it is read from its start"
        return RunError(Problem("data-ended", message, ("data",), help=help))
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return RunError(
            Problem(
                "out-of-memory",
                f"the memory of the device is full: {words}",
                key=("data", "batch_size"),
                help="lower `data.batch_size`, keep the data off it with `data.feed: pipeline`, or use a smaller model",
            )
        )
    if isinstance(error, tf.errors.UnimplementedError):
        lines = [line.strip() for line in error.message.splitlines() if "root error" not in line]
        return RunError(
            Problem(
                "not-on-this-device",
                f"the program cannot be compiled for this device: {lines[0]}",
                key=("runtime", "compile"),
                help="leave `runtime.compile` at `auto`, or set `runtime.deterministic: false`",
            )
        )
    help = "--debug shows where in the program it happened"
    if asserted := ASSERTED.search(words):  # dlkit's own check of an example of a stream
        words, help = f"{asserted['words']} {asserted['values']}".strip(), "correct or leave out what the stream gives"
    return RunError(Problem("data-refused", f"a batch of the data cannot be used: {words}", key=("data",), help=help))

"""What TensorFlow refuses, in words that name the data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tensorflow as tf

from dlkit.config.problems import RunError
from dlkit.training.failures import refused_as_run_error


def test_an_example_that_stops_a_stream_is_named_without_tensorflow_s_words_around_it() -> None:
    def checked(x: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([tf.debugging.Assert(x < 3, ["input x: a number is too large:", x])]):
            return tf.identity(x)

    with pytest.raises(RunError) as failed, refused_as_run_error():
        list(tf.data.Dataset.range(10).map(checked).batch(2))
    (problem,) = failed.value.problems
    assert problem.code == "data-refused"
    assert problem.message == "a batch of the data cannot be used: input x: a number is too large: [3]"


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, NotImplementedError, KeyError])
def test_what_a_generator_of_examples_raises_is_reported_in_its_own_words(kind: type[Exception]) -> None:
    def examples() -> Iterator[int]:
        yield 1
        raise kind("sensor 7 is gone")

    stream = tf.data.Dataset.from_generator(examples, output_signature=tf.TensorSpec((), tf.int32))
    with pytest.raises(RunError) as failed, refused_as_run_error():
        list(stream)
    (problem,) = failed.value.problems
    assert problem.code == "data-refused"
    assert problem.message.startswith(f"the function that gives the examples raised {kind.__name__}: ")
    assert "sensor 7 is gone" in problem.message

"""Random layers draw from (seed, step, replica, layer) and from nothing else."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.training.program.randomness import KeyedSeed, drawing, keyed_twin


def make_network() -> keras.Model:
    """Two dropouts in a row, so that their draws can be reported apart, and a layer with weights and dropout in one."""
    inputs = keras.Input((50, 4))
    first = keras.layers.Dropout(0.5)(inputs)
    second = keras.layers.Dropout(0.5)(inputs)
    recurrent = keras.layers.LSTM(3, dropout=0.5)(inputs)
    return keras.Model(inputs, [first, second, recurrent])


def draw(twin: keras.Model, step: int, replica: int = 0) -> list[np.ndarray]:
    """The outputs for ones, in training, of one update."""
    with drawing(tf.constant(step, tf.int64), replica):
        return [x.numpy() for x in twin(tf.ones((8, 50, 4)), training=True)]


def test_draws_depend_on_step_replica_layer_and_seed_alone() -> None:
    network = make_network()
    twin = keyed_twin(network, seed=1)[0]
    first, second, recurrent = draw(twin, 5)
    for again in (draw(twin, 5), draw(keyed_twin(network, seed=1)[0], 5)):
        for a, b in zip((first, second, recurrent), again, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (first != second).any()
    for other in (draw(twin, 6), draw(twin, 5, replica=1), draw(keyed_twin(network, seed=2)[0], 5)):
        for a, b in zip((first, second, recurrent), other, strict=True):
            assert (a != b).any()


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    first = draw(keyed_twin(make_network(), seed=3)[0], 0)[0]
    assert np.mean(first == 0) == pytest.approx(0.5, abs=0.05)
    assert set(np.unique(first)) == {0.0, 2.0}


def test_the_twin_shares_its_weights_with_the_plain_network_which_is_saved_as_it_was() -> None:
    network = make_network()
    config = network.get_config()
    twin = keyed_twin(network, seed=1)[0]
    assert [id(v) for v in twin.trainable_variables] == [id(v) for v in network.trainable_variables]
    assert network.get_config() == config
    # It goes on drawing by itself, and needs no step to draw for.
    for _ in range(2):
        first, _, recurrent = network(tf.ones((8, 50, 4)), training=True)
        assert set(np.unique(first)) == {0.0, 2.0}
        again = network(tf.ones((8, 50, 4)), training=True)[2]
        assert (np.asarray(recurrent) != np.asarray(again)).any()
        keyed_twin(network, seed=2)


def test_a_compiled_program_draws_anew_at_each_step_and_the_same_at_the_same_step() -> None:
    twin = keyed_twin(make_network(), seed=1)[0]

    @tf.function(jit_compile=True)
    def run(step: tf.Tensor) -> tf.Tensor:
        with drawing(step, 0):
            return twin(tf.ones((8, 50, 4)), training=True)[0]

    fifth, sixth = run(tf.constant(5, tf.int64)).numpy(), run(tf.constant(6, tf.int64)).numpy()
    np.testing.assert_array_equal(fifth, run(tf.constant(5, tf.int64)).numpy())
    assert (fifth != sixth).any()
    assert np.mean(fifth == 0) == pytest.approx(0.5, abs=0.05)


def test_a_keyed_seed_keeps_no_state() -> None:
    assert not [v for v in vars(KeyedSeed(1, 2)).values() if isinstance(v, keras.Variable | tf.Variable)]

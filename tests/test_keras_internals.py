"""The private parts of Keras that dlkit uses are there in the installed Keras, and mean what dlkit takes them for."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit import keras_internals
from dlkit.schema.optimizers import OPTIMIZERS
from dlkit.training.program.optimizers import Rates, make_optimizer


def nested() -> keras.Model:
    """A model with a bidirectional layer, which holds two others, and a layer that is called twice."""
    x = keras.Input((4, 2), name="x")
    twice = keras.layers.Dense(2, name="twice")
    return keras.Model(x, keras.layers.Bidirectional(keras.layers.GRU(3), name="both")(twice(twice(x))))


def test_layers_inside_of_others_are_found() -> None:
    model = nested()
    every = keras_internals.flattened(model)
    assert every[0] is model
    assert keras_internals.flattened(model, itself=False) == every[1:]
    kinds = [type(layer).__name__ for layer in every]
    assert kinds.count("GRU") == 2
    assert kinds.count("GRUCell") == 2
    held = {type(layer).__name__ for layer in every if keras_internals.is_container(layer)}
    assert {"Functional", "Bidirectional", "GRU"} <= held
    assert not held & {"Dense", "InputLayer", "GRUCell"}


def test_a_layer_that_is_called_twice_has_two_outputs() -> None:
    shapes = [tensor.shape for tensor in keras_internals.outputs_of_calls(nested().get_layer("twice"))]
    assert shapes == [(None, 4, 2), (None, 4, 2)]


def test_a_layer_knows_what_each_call_took_and_gave() -> None:
    layer = keras.layers.Dense(2)
    one, other = keras.Input((3,)), keras.Input((3,))
    first, second = layer(one), layer(other)
    assert [
        (given[0] is x, gives[0] is y)
        for (given, gives), x, y in zip(keras_internals.calls(layer), (one, other), (first, second), strict=True)
    ] == [(True, True)] * 2


def test_a_tensor_knows_the_call_that_made_it() -> None:
    x = keras.Input((3,))
    y = keras.ops.sum(x, axis=1)
    layer = keras.layers.Dense(2)
    first, second = layer(x), layer(inputs=x)
    for tensor, arguments, words in ((first, (x,), {}), (second, (), {"inputs": x})):
        operation, given, named, outputs = keras_internals.call_that_made(tensor)
        assert (operation, given, named, outputs) == (layer, arguments, words, [tensor])
    operation, given, _, _ = keras_internals.call_that_made(y)
    assert type(operation).__name__ == "Sum"
    assert operation.get_config() == {"name": operation.name, "axis": 1, "keepdims": False}
    assert given == (x,)


def test_tensors_are_numbered_in_the_order_in_which_they_are_made() -> None:
    x = keras.Input((3,))
    made = [keras.ops.add(x, n) for n in range(12)]
    numbers = [int(tensor.name.removeprefix("keras_tensor_")) for tensor in made[1:]]
    assert numbers == sorted(numbers)


def test_metrics_say_which_values_are_better() -> None:
    assert keras_internals.direction(keras.metrics.Accuracy()) == "up"
    assert keras_internals.direction(keras.metrics.MeanAbsoluteError()) == "down"
    assert keras_internals.direction(keras.metrics.Sum()) == ""


def test_metrics_say_whether_they_wait_for_shapes() -> None:
    several = [keras.metrics.F1Score(), keras.metrics.R2Score(), keras.metrics.AUC(multi_label=True)]
    for metric in several:
        before = len(metric.variables)
        assert keras_internals.waits_for_shapes(metric)
        metric.update_state(np.eye(2, dtype="float32"), np.eye(2, dtype="float32"))
        assert not keras_internals.waits_for_shapes(metric)
        assert len(metric.variables) > before
    assert not any(map(keras_internals.waits_for_shapes, (keras.metrics.AUC(), keras.metrics.Accuracy())))


def test_moving_averages_are_those_of_the_variables() -> None:
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.build([variable])
    optimizer.apply([np.ones(3, "float32")])
    ((of, average),) = keras_internals.moving_averages(optimizer)
    assert of is variable
    assert average.shape == (3,)
    assert not np.array_equal(np.asarray(average), np.zeros(3))


@pytest.mark.parametrize(
    "name", [name if name == "adam" else pytest.param(name, marks=pytest.mark.slow) for name in OPTIMIZERS.names()]
)
def test_every_optimizer_takes_each_weight_at_its_own_rate_and_from_its_own_beginning(name: str) -> None:
    settings = OPTIMIZERS[name].model_validate({"name": name, "weight_decay": 0.1})
    initial, gradients = [np.full((2, 3), 0.5, np.float32)] * 2, [tf.constant([[0.1, -0.2, 0.3]] * 2)] * 2

    def updated(optimizer: Any, updates: list[list[int]]) -> list[np.ndarray]:
        variables = [keras.Variable(value) for value in initial]
        optimizer.build(variables)
        for numbers in updates:
            optimizer.apply([gradients[n] for n in numbers], [variables[n] for n in numbers])
        assert int(optimizer.iterations.numpy()) == len(updates)
        return [variable.numpy() for variable in variables]

    # `keras_internals.by_variable` makes their classes.
    slow = updated(make_optimizer(settings, 0.0025, "float32"), [[0, 1]] * 2)
    fast = updated(make_optimizer(settings, 0.01, "float32"), [[0, 1]] * 2)
    both = updated(make_optimizer(settings, 0.01, "float32", Rates([0.25, 1.0], [])), [[0, 1]] * 2)
    np.testing.assert_array_equal(both[1], fast[1])
    np.testing.assert_allclose(both[0], slow[0], rtol=1e-6)
    late = updated(make_optimizer(settings, 0.01, "float32", Rates([1.0, 1.0], [1])), [[0], [0], [0, 1], [0, 1]])
    if name != "nadam":  # whose correction is a product over all updates
        np.testing.assert_allclose(late[1], fast[1], rtol=1e-6)


def test_momentums_are_those_of_the_variables() -> None:
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.5)
    optimizer.build([variable])
    ((of, momentum),) = keras_internals.momentums(optimizer)
    assert of is variable
    np.testing.assert_array_equal(momentum, variable)


def test_variables_without_values_are_forgotten() -> None:
    with keras_internals.variables_stay_empty(), tf.Graph().as_default():
        with keras.StatelessScope(initialize_variables=False):
            variable = keras.Variable(shape=(10**6, 10**5), initializer="zeros")
        assert variable.shape == (10**6, 10**5)
    # Outside, Keras fills what a stateless scope leaves; had it kept the one above, it would ask for 400 GB here.
    with keras.StatelessScope():
        small = keras.Variable(shape=(2,), initializer="ones")
    assert np.asarray(small).tolist() == [1, 1]


def test_a_mixture_is_of_the_shares_and_rows_that_are_reported() -> None:
    images = np.broadcast_to(np.arange(1.0, 7.0, dtype="float32")[:, None, None, None], (6, 8, 8, 3))
    mixed, share, rows = keras_internals.mixture(keras.layers.MixUp(seed=1), images)
    share, rows = np.asarray(share), np.asarray(rows)
    expected = share * images[:, 0, 0, 0] + (1 - share) * images[rows, 0, 0, 0]
    np.testing.assert_allclose(np.asarray(mixed).mean(axis=(1, 2, 3)), expected, rtol=1e-5)


def test_each_of_them_is_tested_here() -> None:
    functions = {name for name, value in vars(keras_internals).items() if inspect.isfunction(value)}
    written = Path(__file__).read_text(encoding="utf-8")
    here = {name for name in functions if keras_internals.__name__ == getattr(keras_internals, name).__module__}
    assert {name for name in here if f"keras_internals.{name}" not in written} == set()

"""Initializers, regularizers and constraints of a builder's layers: where they go, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.keras_internals import flattened
from tests.conformance.test_builders import built

ASKED = {
    "kernel_initializer": "he_normal", "kernel_regularizer": {"l2": 0.25}, "kernel_constraint": {"max_norm": 2.0},
    "bias_initializer": {"constant": 0.5}, "bias_regularizer": {"l1": 0.125}, "bias_constraint": "non_neg",
}  # fmt: skip
CONV = {"conv": {"filters": 4}, "bidirectional": True, "units": [4], "layer_norm": True}
BLOCKS: list[dict[str, Any]] = [
    {"filters": 4, "padding": "same", "squeeze_excite": 2},
    {"kind": "separable", "filters": 4, "batch_normalization": False},
    {"kind": "inception", "filters": 2, "kernel_sizes": [3, 1]},
]
# The settings of a builder, what it reads, and how many kernels are of the section, with those of attention.
NETWORKS: dict[str, tuple[dict[str, Any], tuple[str, ...], int]] = {
    "mlp": ({"dense": [8, 8], "normalization": "layer", "numbers": "plain"}, ("number",), 2),
    # A convolution with two gates; within channels and across them; three branches and a shortcut; two dense layers.
    "cnn": ({"blocks": BLOCKS, "dense": [5, 5]}, ("image",), 3 + 2 + 4 + 2),
    "rnn": ({**CONV, "dense": [5]}, ("sequence",), 1 + 2 + 1),
    "attention": ({"blocks": 1, "width": 4, "heads": 2, "dense": [5]}, ("image",), 1 + 4 + 2 + 1),
    "bag": ({"dense": [5]}, ("text",), 1),
    # The outputs are all the weights that it has.
    "linear": ({}, ("number",), 1),
}


def kernels(network: keras.Model) -> list[Any]:
    """The kernels that have a penalty."""
    return [v for v in network.trainable_variables if v.regularizer is not None and v.name.endswith("kernel")]


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_kernels_and_biases_of_every_layer_are_as_asked(name: str) -> None:
    settings, kinds, count = NETWORKS[name]
    network = built({"builder": name, **settings, **ASKED}, *kinds).network
    assert len(kernels(network)) == count
    for variable in kernels(network):
        assert float(variable.regularizer.l2) == 0.25 and variable.constraint.max_value == 2.0
    biases = [v for v in network.trainable_variables if v.name == "bias" and v.regularizer is not None]
    for bias in biases:
        assert float(bias.regularizer.l1) == 0.125 and isinstance(bias.constraint, keras.constraints.NonNeg)
    layers = [layer for layer in flattened(network) if getattr(layer, "kernel_regularizer", None) is not None]
    assert all(isinstance(layer.kernel_initializer, keras.initializers.HeNormal) for layer in layers)
    for layer in layers:
        # The biases of an LSTM's forget gate begin with 1.
        if getattr(layer, "bias", None) is not None and not hasattr(layer, "recurrent_kernel"):
            np.testing.assert_array_equal(layer.bias, 0.5)
    penalty = sum(0.25 * float((v.numpy() ** 2).sum()) for v in kernels(network))
    penalty += sum(0.125 * float(np.abs(v.numpy()).sum()) for v in biases)
    assert sum(map(float, network.losses)) == pytest.approx(penalty, rel=1e-5)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_without_them_the_weights_begin_as_keras_has_them(name: str) -> None:
    settings, kinds, _ = NETWORKS[name]
    network = built({"builder": name, **settings}, *kinds).network
    assert not network.losses and all(v.constraint is None for v in network.variables)
    for layer in flattened(network):
        initializer = getattr(layer, "kernel_initializer", None)
        assert initializer is None or isinstance(initializer, keras.initializers.GlorotUniform)


def test_two_layers_do_not_begin_with_the_same_values() -> None:
    settings = {"builder": "mlp", "dense": [5, 5], "kernel_initializer": "orthogonal"}
    network = built(settings, "number").network
    one, two = (network.get_layer(f"dense_{n}").kernel.numpy() for n in (1, 2))
    np.testing.assert_allclose(one.T @ one, np.eye(5), atol=1e-5)
    assert not np.allclose(one, two)


def test_a_block_says_more_than_the_network_around_it() -> None:
    blocks = [{"filters": 4}, {"filters": 4, "kernel_regularizer": {"l1": 0.5}}]
    settings = {"builder": "cnn", "blocks": blocks, "kernel_regularizer": {"l2": 0.25}}
    network = built(settings, "image").network
    assert [type(layer.kernel_regularizer).__name__ for layer in network.layers if "conv" in layer.name] == ["L2", "L1"]


def test_those_of_a_network_are_those_of_the_blocks_of_its_preset_too() -> None:
    network = built({"builder": "cnn", "preset": "lite", "kernel_regularizer": {"l2": 0.25}}, "sequence").network
    assert len(kernels(network)) == 3 + 2 + 2


def test_recurrent_kernels_have_words_of_their_own() -> None:
    settings = {"builder": "rnn", "units": [4], "recurrent_initializer": "glorot_uniform",
                "recurrent_regularizer": {"l2": 0.25}, "recurrent_constraint": "unit_norm"}  # fmt: skip
    cell = built(settings, "sequence").network.get_layer("lstm_1").cell
    assert isinstance(cell.recurrent_initializer, keras.initializers.GlorotUniform)
    assert cell.recurrent_kernel.regularizer is not None and cell.kernel.regularizer is None
    assert isinstance(cell.recurrent_kernel.constraint, keras.constraints.UnitNorm)


@pytest.mark.parametrize(
    ("builder", "kind", "settings"),
    [
        ("cnn", "image", {"kernel_initializer": "identity"}),
        ("attention", "sequence", {"kernel_regularizer": "orthogonal_regularizer"}),
        ("mlp", "number", {"kernel_initializer": {"variance_scaling": {"scale": -1.0}}}),
        ("mlp", "number", {"kernel_initializer": {"random_normal": {"stddev": "much"}}}),
        ("mlp", "number", {"kernel_initializer": {"random_normal": {"stddev": [1.0, 2.0, 3.0]}}}),
        ("mlp", "number", {"kernel_initializer": "stft"}),
        ("mlp", "number", {"kernel_regularizer": {"l2": -1.0}}),
        ("mlp", "number", {"kernel_constraint": {"max_norm": {"axis": 5}}}),
    ],
)
def test_what_keras_refuses_is_reported_at_its_setting(builder: str, kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        built({"builder": builder, **settings}, kind)
    (problem,) = refused.value.problems
    assert problem.code == "refused-by-keras" and problem.key[-1] == next(iter(settings))


def test_a_constraint_holds_after_training_and_the_saved_model_keeps_the_penalty(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "number"}}, "batch_size": 32}
    model = {"builder": "mlp", "dense": [8], "kernel_constraint": {"max_norm": 0.5}, "kernel_regularizer": {"l2": 0.1}}
    training = {"epochs": 2, "optimizer": {"name": "sgd", "learning_rate": 0.5}, "health": "off", "baselines": "off"}
    config = {"name": "t", "data": data, "model": model, "training": training}
    run = dlkit.train(config, data={"train": (x, 9 * x[:, 0]), "test": (x, 9 * x[:, 0])}, runs_folder=tmp_path,
                      verbose=False)  # fmt: skip
    plain = keras.saving.load_model(run.folder / "model.keras")
    kernel = plain.get_layer("dense_1").kernel.numpy()
    lengths = np.linalg.norm(kernel, axis=0)
    assert (lengths <= 0.5 + 1e-5).all() and lengths.max() == pytest.approx(0.5, rel=1e-3)
    assert float(plain.losses[0]) == pytest.approx(0.1 * float((kernel**2).sum()), rel=1e-5)
    assert run.evaluate() == pytest.approx(run.test, rel=1e-6)

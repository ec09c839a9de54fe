"""Which weights are trained, from when on and how fast: frozen layers, the moment they are unfrozen, rates by layer."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.checkpoints.files import Progress
from dlkit.training.engine import Engine
from dlkit.training.prepare import prepare
from dlkit.training.program.execution import ExecutionPlan
from tests.training.helpers import (
    EVEN,
    SGD,
    SMALL,
        finished,
    interrupted,
    load,
    resume,
    settings,
    state_digest,
    train,
)  # fmt: skip

BLOCK = {"filters": 3, "strides": 4, "batch_normalization": True}
NORMED = {"builder": "cnn", "blocks": [BLOCK], "dense": [6], "dropout": 0.2}
KEEP = {"checkpoints": {"keep": 9}}
# Two epochs of the head alone, two of everything, of seven updates each.
TUNED = {
    "epochs": 4, "freeze": ["conv_*", "dense_1"], "unfreeze_after": 2, "optimizer": "adam",
    "layer_rates": {"*": [0.1, 1.0]}, "schedule": "cosine", **KEEP,
}  # fmt: skip


def kept(run: dlkit.Run) -> list[dict[str, bytes]]:
    """The bits of the weights at the end of each epoch, and before the first, by path."""
    paths = [w.path for w in run.model.weights]
    found = []
    for place in reversed(checkpoints.newest(run.folder / "checkpoints")):
        arrays = checkpoints.load(place).arrays
        found.append({path: arrays[f"weights/{n}"].tobytes() for n, path in enumerate(paths)})
    return found


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """The layers of which a weight is another."""
    return {path.split("/")[0] for path, value in before.items() if value != after[path]}


def test_layers_are_frozen_to_the_bit_and_trained_once_they_are_unfrozen(tmp_path: Path) -> None:
    run = finished(settings(NORMED, TUNED), tmp_path, data=EVEN)
    states = kept(run)
    every = {"conv_1", "conv_1_norm", "dense_1", "label"}
    assert [changed(*pair) for pair in itertools.pairwise(states)] == [{"label"}, {"label"}, every, every]
    statistics = [path for path in states[0] if "moving" in path]
    assert statistics
    assert all(states[2][path] != states[3][path] for path in statistics)
    assert "unfrozen: from epoch 3 on every layer is trained" in (run.folder / "train.log").read_text()


@pytest.mark.parametrize(
    "step", [14, *(pytest.param(step, marks=pytest.mark.slow) for step in (5, 7, 17))],
)  # fmt: skip
def test_a_run_resumes_to_the_same_bits_across_the_moment(step: int, tmp_path: Path, one_step_chunks: None) -> None:
    config = settings(NORMED, TUNED)
    whole = finished(config, tmp_path / "whole", data=EVEN)
    folder = interrupted(config, step, tmp_path / "cut", data=EVEN)
    resume(folder, data=EVEN)
    assert state_digest(folder) == state_digest(whole.folder)


@pytest.mark.slow
def test_it_is_what_keras_does_that_is_compiled_again(tmp_path: Path) -> None:
    training = {"epochs": 2, "freeze": ["conv_*"], "unfreeze_after": 1, **KEEP, **SGD}
    config = settings({**NORMED, "dropout": 0.0}, training, data={"shuffle": False})
    run = train(config, tmp_path, data=EVEN)
    hand = keras.models.clone_model(run.model)
    first = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[-1])
    assert first.progress.step == 0
    hand.set_weights([first.arrays[f"weights/{n}"] for n in range(len(hand.weights))])
    for frozen in (True, False):
        for layer in hand.layers:
            layer.trainable = not (frozen and layer.name.startswith("conv_"))
        hand.compile("sgd", "sparse_categorical_crossentropy")
        hand.fit(*EVEN["train"], batch_size=16, shuffle=False, verbose=0)
    newest = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[0])
    for n, weight in enumerate(hand.get_weights()):
        np.testing.assert_allclose(newest.arrays[f"weights/{n}"], weight, rtol=1e-3, atol=1e-5)


def test_what_is_frozen_has_no_backward_pass() -> None:
    prepared = prepare(load(settings(NORMED, TUNED)), EVEN)
    feeder, plan = prepared.training_feeder(), ExecutionPlan("graph", 1, 4)
    block = next(iter(feeder.blocks(0, 0)))
    found = []
    for epoch in (0, 2):
        program = Engine(prepared, plan, feeder, Progress(epoch=epoch)).program
        traced = program._chunk.get_concrete_function(block.tensors, tf.constant(0), tf.constant(1))
        functions = traced.graph.as_graph_def().library.function
        found.append({node.op for function in functions for node in function.node_def} & {"Conv2DBackpropFilter"})
    assert found == [set(), {"Conv2DBackpropFilter"}]


# Rates.


def test_rates_rise_from_the_first_layer_to_the_last_by_equal_factors() -> None:
    model = {"builder": "mlp", "dense": [4, 4, 4]}
    prepared = prepare(load(settings(model, {"layer_rates": {"dense_1": 0.5, "*": [0.001, 1.0]}})), EVEN)
    assert prepared.trained.rates is not None
    assert prepared.trained.rates.factors == pytest.approx([0.5, 0.5, 0.01, 0.01, 0.1, 0.1, 1, 1])
    assert prepare(load(settings(model)), EVEN).trained.rates is None


@pytest.mark.slow
def test_an_update_is_as_far_as_the_rate_says(tmp_path: Path) -> None:
    training = {"max_steps": 1, "optimizer": {"name": "sgd", "learning_rate": 0.5}, **KEEP}
    runs = {
        name: train(settings({**SMALL, "dropout": 0.0}, {**training, **more}), tmp_path / name, data=EVEN)
        for name, more in {"plain": {}, "rates": {"layer_rates": {"dense_1": 0.25}}}.items()
    }
    states = {name: [np.asarray(w) for w in run.model.get_weights()] for name, run in runs.items()}
    first = checkpoints.load(checkpoints.newest(runs["plain"].folder / "checkpoints")[-1]).arrays
    begin = [first[f"weights/{n}"] for n in range(4)]
    moved = {name: [b - a for a, b in zip(begin, state, strict=True)] for name, state in states.items()}
    for n, factor in enumerate([0.25, 0.25, 1, 1]):
        assert np.abs(moved["plain"][n]).max() > 0
        np.testing.assert_allclose(moved["rates"][n], factor * moved["plain"][n], rtol=1e-3, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"optimizer": {"name": "adam", "use_ema": True}}, {}], ids=["ema", "float16"])
def test_averages_and_scaled_losses_leave_frozen_weights_alone(more: dict[str, Any], tmp_path: Path) -> None:
    runtime = {} if more else {"precision": "mixed_float16"}
    config = settings(NORMED, {**TUNED, **more}, runtime=runtime)
    states = kept(finished(config, tmp_path / "whole", data=EVEN))
    assert [changed(*pair) for pair in itertools.pairwise(states[:3])] == [{"label"}, {"label"}]
    assert "conv_1" in changed(*states[3:])


# What does not fit.


@pytest.mark.parametrize(
    ("training", "key", "says"),
    [
        ({"unfreeze_after": 1}, ("unfreeze_after",), "needs `freeze`"),
        ({"fine_tune": 1}, ("fine_tune",), "needs `model.backbone`"),
        ({"fine_tune": 0}, ("fine_tune",), "greater than 0"),
        ({"freeze": ["dense_1"], "unfreeze_after": 3}, ("unfreeze_after",), "never trained in 3 epochs"),
        ({"freeze": ["dense_1"], "unfreeze_after": 0}, ("unfreeze_after",), "greater than 0"),
        ({"layer_rates": {"dense_1": [0.1]}}, ("layer_rates", "dense_1"), ""),
        ({"layer_rates": {"dense_1": -1.0}}, ("layer_rates", "dense_1"), ""),
    ],
)
def test_settings_that_cannot_stand(training: dict[str, Any], key: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(settings(SMALL, training))
    (problem,) = refused.value.problems
    assert problem.key[: 1 + len(key)] == ("training", *key)
    assert says in f"{problem.message} {problem.label} {problem.help}"


def test_fine_tune_is_short_for_three_settings_of_which_those_that_are_stated_win() -> None:
    model = {"builder": "cnn", "backbone": {"name": "mobilenet"}}

    def training(**stated: Any) -> Any:
        return load(settings(model, {"epochs": 5, **stated}))

    tuned = training(fine_tune=2).config.training
    assert (tuned.freeze, tuned.unfreeze_after, tuned.layer_rates) == (["*backbone"], 2, {"*backbone": [0.01, 0.1]})
    assert training(fine_tune=2, layer_rates={"*": 0.5}).config.training.layer_rates == {"*": 0.5}
    origins = training(fine_tune=2).origins
    assert origins["training", "unfreeze_after"] == origins["training", "fine_tune"] != "default"
    for stated, says in (({"fine_tune": 5}, "never trained"), ({"fine_tune": 2, "unfreeze_after": 3}, "keep one of")):
        with pytest.raises(ConfigError, match=says):
            training(**stated)
    model["backbone"]["weights"] = "none"
    (warning,) = training(fine_tune=2).warnings
    assert "begins at random, and is frozen" in warning.message


def test_a_rate_of_no_layer_is_reported_at_its_name() -> None:
    with pytest.raises(ConfigError, match="no layer with weights is called `conv_1`") as refused:
        prepare(load(settings(SMALL, {"layer_rates": {"conv_1": 0.1}})), EVEN)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("no-such-layer", ("training", "layer_rates", "conv_1"))
    assert "dense_1, label" in problem.help
